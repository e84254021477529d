"""The mean over the modalities that are present."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.base.fusion import presence
from multimodal_keras.base.steps import masked_mean
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class MeanFusion(CommonWidthFusion):
    """The mean of the projected modalities that are present.

    Use it as the plain baseline for missing modalities: an absent one simply leaves the mean.

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
    >>> mk.MeanFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Neverova et al., ModDrop: adaptive multi-modal gesture recognition (arXiv:1501.00102), for the fusion of what is
        there by averaging.
    """

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        shown = ops.stack(list(presence(tokens, present).values()), axis=1)
        return masked_mean(ops.stack(list(vectors.values()), axis=1), shown)
