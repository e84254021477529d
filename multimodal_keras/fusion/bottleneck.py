"""Attention bottlenecks."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.fusion import presence, shown_steps
from multimodal_keras.base.numbers import whole
from multimodal_keras.base.steps import masked_mean
from multimodal_keras.fusion.attention import AttentionFusion
from multimodal_keras.registry import register


@register
class BottleneckFusion(AttentionFusion):
    """Modalities talk through a few shared tokens only: each has its own blocks, and the shared tokens are averaged.

    Far cheaper than `TransformerFusion` where there are many tokens, and often better: what a modality passes on, it
    has to condense first.

    Args:
        width: the width inside and of the answer; a multiple of `attention_heads`.
        bottlenecks: how many shared tokens.
        layers: how many blocks each modality has.
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
    >>> mk.BottleneckFusion(width=8, layers=1)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 8])

    Reference:
        Nagrani et al., Attention Bottlenecks for Multimodal Fusion (arXiv:2107.00135).
    """

    def __init__(self, width: int = 128, *, bottlenecks: int = 4, layers: int = 2, **kwargs: Any) -> None:
        super().__init__(width, layers=layers, **kwargs)
        self.bottlenecks = whole("bottlenecks", bottlenecks)
        self._norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy)

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._shared = self.add_weight(
            name="shared",
            shape=(1, self.bottlenecks, self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )
        self._blocks = {name: self.blocks(name) for name in tokens_shape}
        self._norm.build((None, None, self.width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        shown = presence(tokens, present)
        counts = ops.stack(list(shown.values()), axis=1)
        own = self.projected(tokens, training)
        visible = {name: shown_steps(own[name], (masks or {}).get(name), shown[name]) for name in own}
        rows = ops.shape(counts)[0]
        shared = ops.broadcast_to(ops.cast(self._shared, self.compute_dtype), (rows, self.bottlenecks, self.width))
        always = ops.ones((rows, self.bottlenecks), dtype="bool")
        for layer in range(self.layers):
            answers = []
            for name in own:
                sequence = ops.concatenate([shared, own[name]], axis=1)
                seen = ops.concatenate([always, visible[name]], axis=1)
                sequence = self._blocks[name][layer](sequence, seen, training=training)
                answers.append(sequence[:, : self.bottlenecks])
                own[name] = sequence[:, self.bottlenecks :]
            stacked = ops.reshape(ops.stack(answers, axis=1), (-1, len(own), self.bottlenecks * self.width))
            shared = ops.reshape(masked_mean(stacked, counts), (-1, self.bottlenecks, self.width))
        return ops.mean(self._norm(shared), axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bottlenecks": self.bottlenecks}
