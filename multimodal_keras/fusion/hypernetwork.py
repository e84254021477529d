"""Weights that other modalities write."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.base.steps import masked_mean
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.fusion.others import others_mean
from multimodal_keras.registry import register


@register
class HypernetworkFusion(CommonWidthFusion):
    """Each modality goes through a layer whose weights the other modalities write; the results are averaged.

    Stronger than `FiLMFusion`: the others decide which units of a modality speak to which. The written matrix has a low
    rank, or the layer that writes it would be huge.

    Args:
        width: the width of the projections and of the answer.
        rank: of the written matrix.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`; zeros where nothing is present.

    Raises:
        ValueError: if `rank` is below 1.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.HypernetworkFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Ha et al., HyperNetworks (arXiv:1609.09106); Jayakumar et al., Multiplicative Interactions and Where to Find
        Them (ICLR 2020), for the relation to other fusions.
    """

    def __init__(self, width: int = 128, *, rank: int = 4, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.rank = whole("rank", rank)

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._writer = keras.layers.Dense(2 * self.width * self.rank, dtype=self.dtype_policy, name="writer")
        self._writer.build((None, None, self.width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        written = self._writer(others_mean(vectors, shown))
        count = vectors.shape[1]
        down, up = ops.split(ops.reshape(written, (-1, count, 2 * self.rank, self.width)), 2, axis=2)
        inner = ops.sum(down * vectors[:, :, None, :], axis=-1, keepdims=True)
        answered = ops.sum(inner * up, axis=2) * self.width**-0.5
        return masked_mean(vectors + answered, shown)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank}
