"""The product of the modalities that are present."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class ProductFusion(CommonWidthFusion):
    """The Hadamard product of the projected modalities that are present.

    Use it where modalities have to agree: a unit is large only if it is large in all of them. An absent one counts as
    ones.

    Args:
        width: the width of the projections and of the answer.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`; ones where nothing is present.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.ProductFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Antol et al., VQA: Visual Question Answering (arXiv:1505.00468), for the element-wise product of two modalities.
    """

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        return ops.prod(ops.where(shown[:, :, None], vectors, ops.ones_like(vectors)), axis=1)
