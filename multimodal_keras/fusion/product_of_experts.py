"""A product of experts."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class ProductOfExpertsFusion(CommonWidthFusion):
    """Each modality gives a mean and how sure it is of it; the answer is the mean of their joint Gaussian.

    Made for missing modalities: an absent one simply has no say, and a prior at zero with precision one holds the rest.
    What is unsure of itself moves the answer little, unit by unit.

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
    >>> mk.ProductOfExpertsFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Wu and Goodman, Multimodal Generative Models for Scalable Weakly-Supervised Learning (arXiv:1802.05335); Hinton,
        Training Products of Experts by Minimizing Contrastive Divergence (Neural Computation 14, 2002).
    """

    @property
    def projection_width(self) -> int:
        return 2 * self.width

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        # Precisions in float32: their sums outgrow half precision.
        means, sureness = ops.split(ops.cast(vectors, "float32"), 2, axis=-1)
        precision = ops.softplus(sureness) * ops.cast(shown, "float32")[:, :, None]
        joint = ops.sum(precision * means, axis=1) / (1.0 + ops.sum(precision, axis=1))
        return ops.cast(joint, self.compute_dtype)
