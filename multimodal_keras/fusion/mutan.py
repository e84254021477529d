"""MUTAN: a Tucker decomposition with a core of low rank."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class MutanFusion(CommonWidthFusion):
    """A Tucker decomposition of the bilinear product whose core is a sum of few products.

    Multimodal Tucker fusion (MUTAN): between `LowRankBilinearFusion` and `TuckerFusion`. `rank` says how many ways
    there are in which modalities can agree.

    Args:
        width: the width of the answer.
        rank: how many products are summed.
        factor_width: the width to which each modality is brought first.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `rank` or `factor_width` is below 1.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.MutanFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Ben-younes et al., MUTAN: Multimodal Tucker Fusion for Visual Question Answering (arXiv:1705.06676).
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, rank: int = 4, factor_width: int = 64, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.rank = whole("rank", rank)
        self.factor_width = whole("factor_width", factor_width)

    @property
    def projection_width(self) -> int:
        return self.factor_width

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._cores = {
            name: keras.layers.Dense(self.rank * self.width, dtype=self.dtype_policy, name=f"core_{name}")
            for name in tokens_shape
        }
        for core in self._cores.values():
            core.build((None, self.factor_width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        product = None
        for name in vectors:
            factor = self._cores[name](ops.tanh(vectors[name]))
            product = factor if product is None else product * factor
        return ops.sum(ops.reshape(product, (-1, self.rank, self.width)), axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank, "factor_width": self.factor_width}
