"""What fusions share that are made of attention blocks."""

from __future__ import annotations

from typing import Any

from multimodal_keras.base.blocks import AttentionBlock
from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.common_width import CommonWidthFusion


class AttentionFusion(CommonWidthFusion):
    """Base class of fusions whose tokens attend to each other in one width.

    Args:
        width: the width inside and of the answer; a multiple of `attention_heads`.
        layers: how many blocks are stacked.
        attention_heads: how many heads each block has.
        dropout: the rate of dropout on the projections and inside the blocks.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Raises:
        ValueError: if `width` is no multiple of `attention_heads`.
    """

    def __init__(self, width: int = 128, *, layers: int = 1, attention_heads: int = 4, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.layers = whole("layers", layers)
        self.attention_heads = whole("attention_heads", attention_heads)

    def block(self, name: str, *, cross: bool = False) -> AttentionBlock:
        """A new block of this fusion's width, built."""
        policy = self.dtype_policy
        made = AttentionBlock(self.width, self.attention_heads, self.dropout, cross=cross, dtype=policy, name=name)
        made.build((None, None, self.width))
        return made

    def blocks(self, name: str, *, cross: bool = False) -> list[AttentionBlock]:
        """As many new blocks as there are layers."""
        return [self.block(f"{name}_{number}", cross=cross) for number in range(self.layers)]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layers": self.layers, "attention_heads": self.attention_heads}
