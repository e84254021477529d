"""Self-attention over modalities."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.steps import masked_mean
from multimodal_keras.fusion.attention import AttentionFusion
from multimodal_keras.registry import register


@register
class LateTransformerFusion(AttentionFusion):
    """One vector for each modality, marked with its modality, through self-attention; then the mean.

    Late: what `TransformerFusion` does with all tokens, this does with one pooled vector for each modality. Its cost
    does not depend on how long texts or how large pictures are.

    Args:
        width: the width inside and of the answer; a multiple of `attention_heads`.
        layers: how many blocks are stacked.
        attention_heads: how many heads each block has.
        dropout: the rate of dropout on the projections and inside the blocks.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `width` is no multiple of `attention_heads`.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.LateTransformerFusion(width=8, layers=1)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 8])

    Reference:
        Gabeur et al., Multi-modal Transformer for Video Retrieval (arXiv:2007.10639).
    """

    def __init__(self, width: int = 128, *, layers: int = 2, **kwargs: Any) -> None:
        super().__init__(width, layers=layers, **kwargs)
        self._norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy)

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._types = self.add_weight(
            name="types",
            shape=(len(tokens_shape), self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )
        self._blocks = self.blocks("block")
        self._norm.build((None, self.width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        vectors = vectors + ops.cast(self._types, vectors.dtype)
        for block in self._blocks:
            vectors = block(vectors, shown, training=training)
        return self._norm(masked_mean(vectors, shown))
