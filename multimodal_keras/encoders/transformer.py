"""Transformer encoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.blocks import AttentionBlock
from multimodal_keras.encoders.sequence import SequenceEncoder
from multimodal_keras.registry import register


@register
class TransformerEncoder(SequenceEncoder):
    """Self-attention over tokens or frames, with learned positions and layers that normalise first.

    Use it for longer texts, or where an LSTM forgets. It has no recurrence, so it trains fast on a GPU.

    Args:
        width: the width of the tokens; a multiple of `attention_heads`.
        layers: how many blocks are stacked.
        attention_heads: how many heads each block has.
        embedding_width: the width of the token embedding; projected to `width` where it differs.
        dropout: the rate of dropout, on the embedded inputs and in each block.
        vocabulary_size: how many token ids there are. `build_model` fills it in.
        embeddings: `WordVectors`, or the path of a file of some, with which the token embedding begins.
        train_embeddings: whether the token embedding is trained.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `int (batch, steps)` token ids, or `(batch, steps, channels)` frames.
        step_mask: `bool (batch, steps)` or None.

    Returns:
        Tokens `(batch, steps, width)`, with `step_mask` if one was given.

    Raises:
        ValueError: if `width` is no multiple of `attention_heads`, or the features have another rank.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> encoder = mk.TransformerEncoder(width=16, layers=1, attention_heads=2, vocabulary_size=100)
    >>> encoder(np.array([[5, 7, 0]])).shape
    TensorShape([1, 3, 16])

    Reference:
        Vaswani et al., Attention Is All You Need (arXiv:1706.03762); normalised first as in arXiv:2002.04745.
    """

    default_pooling = "mean"

    def __init__(self, width: int = 128, *, layers: int = 2, attention_heads: int = 4, **kwargs: Any) -> None:
        super().__init__(**{"embedding_width": width, **kwargs})
        self.width = int(width)
        self.layers = int(layers)
        self.attention_heads = int(attention_heads)
        self._project: keras.layers.Dense | None = None
        self._blocks = [
            AttentionBlock(self.width, self.attention_heads, self.dropout, dtype=self.dtype_policy)
            for _ in range(self.layers)
        ]

    def build(self, features_shape: tuple[int | None, ...], step_mask_shape: Any = None) -> None:
        batch, steps, channels = self.build_inputs(features_shape)
        if channels != self.width:
            self._project = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="project")
            self._project.build((batch, steps, channels))
        self._positions = self.add_weight(
            name="positions", shape=(steps, self.width), initializer=keras.initializers.RandomNormal(stddev=0.02)
        )
        for block in self._blocks:
            block.build((batch, steps, self.width))
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        tokens = self.embed(features, training)
        if self._project is not None:
            tokens = self._project(tokens)
        tokens = tokens + ops.cast(self._positions, tokens.dtype)
        for block in self._blocks:
            tokens = block(tokens, step_mask, training=training)
        return tokens if step_mask is None else (tokens, step_mask)

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        tokens = (features_shape[0], features_shape[1], self.width)
        return tokens if step_mask_shape is None else (tokens, tuple(step_mask_shape))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "layers": self.layers,
            "attention_heads": self.attention_heads,
        }
