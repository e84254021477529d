"""BLOCK: a block-superdiagonal tensor decomposition."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.fusion.multilinear import check_entries, outer_product
from multimodal_keras.registry import register


@register
class BlockFusion(CommonWidthFusion):
    """Small Tucker cores side by side: units of the modalities meet within their block only.

    Block-superdiagonal fusion: between `TuckerFusion` (one block) and `LowRankBilinearFusion` (blocks of one unit).
    Richer than either at the same number of parameters.

    Args:
        width: the width of the answer.
        blocks: how many.
        block_width: how many units of each modality a block has.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `blocks` or `block_width` is below 1, or a core is too large for so many modalities.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.BlockFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Ben-younes et al., BLOCK: Bilinear Superdiagonal Fusion for Visual Question Answering and Visual Relationship
        Detection (arXiv:1902.00038).
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, blocks: int = 8, block_width: int = 8, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.blocks = whole("blocks", blocks)
        self.block_width = whole("block_width", block_width)

    @property
    def projection_width(self) -> int:
        return self.blocks * self.block_width

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        entries = self.blocks * check_entries([self.block_width] * len(tokens_shape), "block_width")
        # Blocks side by side, then one layer: each block has a core of its own in it.
        self._cores = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="cores")
        self._cores.build((None, entries))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        shape = (-1, self.blocks, self.block_width)
        products = outer_product(ops.reshape(ops.tanh(vector), shape) for vector in vectors.values())
        return self._cores(ops.reshape(products, (-1, products.shape[1] * products.shape[2])))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "blocks": self.blocks, "block_width": self.block_width}
