"""Blocks that more than one family of components is made of."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.steps import masked_softmax


class AttentionBlock(keras.layers.Layer):
    """Attention and a two-layer perceptron, each normalised first and added to its input.

    Keras's `MultiHeadAttention` answers something that depends on masked content where a whole row is masked; this one
    attends to nothing there, and computes its softmax in float32 under mixed precision.

    Args:
        width: the width of queries and answers; a multiple of `attention_heads`.
        attention_heads: how many heads.
        dropout: the rate of dropout on attention's and the perceptron's answers.
        cross: whether it attends to a `context` of its own, or to its queries.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        queries: `(batch, steps, width)`.
        step_mask: `bool (batch, others)`, the steps to attend to, or None for all.
        context: `(batch, others, width)`, if `cross`.

    Returns:
        `(batch, steps, width)`.

    Raises:
        ValueError: if `width` is no multiple of `attention_heads`.
    """

    def __init__(
        self, width: int, attention_heads: int = 4, dropout: float = 0.0, *, cross: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if width % attention_heads:
            raise ValueError(
                f"width is a multiple of attention_heads. Received width={width}, attention_heads={attention_heads}. "
                "Change one of the two."
            )
        self.width = width
        self.attention_heads = attention_heads
        policy = self.dtype_policy
        self._query, self._key, self._value, self._answer = (
            keras.layers.Dense(width, dtype=policy, name=name) for name in ("query", "key", "value", "answer")
        )
        self._inner = keras.layers.Dense(2 * width, activation="relu", dtype=policy, name="inner")
        self._outer = keras.layers.Dense(width, dtype=policy, name="outer")
        self._norms = [keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy) for _ in range(2)]
        self._context_norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy) if cross else None
        self._dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, queries_shape: Any, step_mask_shape: Any = None, context_shape: Any = None) -> None:
        shape = (None, None, self.width)
        for layer in (self._query, self._key, self._value, self._answer, self._inner, *self._norms):
            layer.build(shape)
        if self._context_norm is not None:
            self._context_norm.build(shape)
        self._outer.build((None, None, 2 * self.width))
        self.built = True

    def call(self, queries: Any, step_mask: Any = None, context: Any = None, training: bool | None = None) -> Any:
        normed = self._norms[0](queries)
        source = normed if self._context_norm is None else self._context_norm(context)
        attended = self._answer(self._attend(normed, source, step_mask))
        tokens = queries + self._dropout(attended, training=training)
        inner = self._outer(self._inner(self._norms[1](tokens)))
        return tokens + self._dropout(inner, training=training)

    def _attend(self, queries: Any, source: Any, mask: Any) -> Any:
        query, key = self._split(self._query(queries)), self._split(self._key(source))
        value = self._split(self._value(source))
        scale = (self.width // self.attention_heads) ** -0.5
        scores = ops.matmul(query * scale, ops.transpose(key, (0, 1, 3, 2)))
        shown = None if mask is None else mask[:, None, None, :]
        weights = ops.cast(masked_softmax(scores, shown), value.dtype)
        joined = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return ops.reshape(joined, (-1, joined.shape[1], self.width))

    def _split(self, tokens: Any) -> Any:
        width = self.width // self.attention_heads
        split = ops.reshape(tokens, (-1, tokens.shape[1], self.attention_heads, width))
        return ops.transpose(split, (0, 2, 1, 3))

    def compute_output_shape(self, queries_shape: Any, step_mask_shape: Any = None, context_shape: Any = None) -> Any:
        return tuple(queries_shape)
