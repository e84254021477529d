"""Self-attention over the tokens of all modalities."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.fusion import presence, shown_steps
from multimodal_keras.fusion.attention import AttentionFusion
from multimodal_keras.registry import register


@register
class TransformerFusion(AttentionFusion):
    """All tokens of all modalities in one sequence, each marked with its modality, through self-attention.

    The most expressive of the plain fusions, and the slowest: its cost grows with the square of the number of tokens.

    Args:
        width: the width of the tokens inside and of the answer; a multiple of `attention_heads`.
        layers: how many blocks are stacked.
        attention_heads: how many heads each block has.
        dropout: the rate of dropout on the projections and inside the blocks.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`: the answer of a learned class token that attends to all tokens that count.

    Raises:
        ValueError: if `width` is no multiple of `attention_heads`.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.TransformerFusion(width=8, layers=1)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 8])

    Reference:
        Kim et al., ViLT: Vision-and-Language Transformer Without Convolution or Region Supervision (arXiv:2102.03334),
        for modality-type embeddings in one sequence.
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
        self._class_token = self.add_weight(
            name="class_token", shape=(1, 1, self.width), initializer=keras.initializers.RandomNormal(stddev=0.02)
        )
        self._blocks = self.blocks("block")
        self._norm.build((None, None, self.width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        shown = presence(tokens, present)
        projected = self.projected(tokens, training)
        types = ops.cast(self._types, self.compute_dtype)
        everyone = next(iter(shown.values()))
        class_token = ops.cast(self._class_token, self.compute_dtype)
        sequence = [ops.broadcast_to(class_token, (ops.shape(everyone)[0], 1, self.width))]
        visible = [ops.ones_like(everyone)[:, None]]
        for index, name in enumerate(projected):
            sequence.append(projected[name] + types[index])
            visible.append(shown_steps(projected[name], (masks or {}).get(name), shown[name]))
        joined, seen = ops.concatenate(sequence, axis=1), ops.concatenate(visible, axis=1)
        for block in self._blocks:
            joined = block(joined, seen, training=training)
        return self._norm(joined[:, 0])
