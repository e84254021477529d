"""Low-rank tensor fusion."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.hadamard import HadamardFusion
from multimodal_keras.registry import register


@register
class LowRankTensorFusion(HadamardFusion):
    """Tensor fusion whose weights are a sum of few products, so that the outer product is never computed.

    The cost is linear in the number of modalities. The bias of each projection plays the added one of `TensorFusion`.

    Args:
        width: the width of the answer.
        rank: how many products are summed.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `rank` is below 1.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.LowRankTensorFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Liu et al., Efficient Low-rank Multimodal Fusion with Modality-Specific Factors (arXiv:1806.00064).
    """

    def __init__(self, width: int = 128, *, rank: int = 4, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.rank = whole("rank", rank)

    @property
    def projection_width(self) -> int:
        return self.rank * self.width

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._shares = self.add_weight(name="shares", shape=(self.rank, 1), initializer="glorot_uniform")
        self._bias = self.add_weight(name="bias", shape=(self.width,), initializer="zeros")

    def combine(self, product: Any) -> Any:
        ranks = ops.reshape(product, (-1, self.rank, self.width))
        return ops.sum(ranks * ops.cast(self._shares, product.dtype), axis=1) + ops.cast(self._bias, product.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank}
