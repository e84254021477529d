"""Factorized bilinear pooling."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.hadamard import HadamardFusion, power_normalised
from multimodal_keras.registry import register


@register
class FactorizedBilinearFusion(HadamardFusion):
    """Each unit of the answer is a sum of products of projections; then the signed root, and unit length.

    Factorized bilinear pooling (MFB). Steadier than `LowRankBilinearFusion`, since each unit has factors of its own.

    Args:
        width: the width of the answer, which has unit length.
        factors: how many products are summed for a unit.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `factors` is below 1.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.FactorizedBilinearFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Yu et al., Multi-modal Factorized Bilinear Pooling with Co-Attention Learning for Visual Question Answering
        (arXiv:1708.01471).
    """

    def __init__(self, width: int = 128, *, factors: int = 4, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.factors = whole("factors", factors)

    @property
    def projection_width(self) -> int:
        return self.width * self.factors

    def combine(self, product: Any) -> Any:
        summed = ops.sum(ops.reshape(product, (-1, self.width, self.factors)), axis=-1)
        return power_normalised(summed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factors": self.factors}
