"""Low-rank bilinear pooling."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.hadamard import HadamardFusion
from multimodal_keras.registry import register


@register
class LowRankBilinearFusion(HadamardFusion):
    """The product of the bounded projections of all modalities, through a last layer.

    Low-rank bilinear pooling (MLB): the cheapest way to let every unit of one modality meet every unit of another.

    Args:
        width: the width of the answer.
        rank: the width of the projections.
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
    >>> mk.LowRankBilinearFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Kim et al., Hadamard Product for Low-rank Bilinear Pooling (arXiv:1610.04325).
    """

    def __init__(self, width: int = 128, *, rank: int = 128, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.rank = whole("rank", rank)

    @property
    def projection_width(self) -> int:
        return self.rank

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._answer = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="answer")
        self._answer.build((None, self.rank))

    def activated(self, factor: Any) -> Any:
        return ops.tanh(factor)

    def combine(self, product: Any) -> Any:
        return self._answer(product)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank}
