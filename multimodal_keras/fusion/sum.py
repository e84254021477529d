"""The sum of the modalities that are present."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class SumFusion(CommonWidthFusion):
    """The sum of the projected modalities that are present.

    Like the mean, but each modality adds evidence: the more are present, the larger the answer.

    Args:
        width: the width of the projections and of the answer.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`; zeros where nothing is present.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.SumFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Feichtenhofer et al., Convolutional Two-Stream Network Fusion for Video Action Recognition (arXiv:1604.06573),
        3.1.
    """

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        return ops.sum(vectors * ops.cast(shown, vectors.dtype)[:, :, None], axis=1)
