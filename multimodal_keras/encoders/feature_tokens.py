"""Feature-token encoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.blocks import AttentionBlock
from multimodal_keras.encoders.columns import ColumnsEncoder
from multimodal_keras.registry import register


@register
class FeatureTokenEncoder(ColumnsEncoder):
    """A Transformer whose tokens are a table's columns (FT-Transformer): each attends to the others.

    Use it where columns have to be compared with each other, or with the tokens of other modalities by a token-level fusion;
    it is slower than `MLPEncoder`, and needs more records.

    Args:
        width: the width of the tokens; a multiple of `attention_heads`.
        layers: how many blocks are stacked.
        attention_heads: how many heads each block has.
        dropout: the rate of dropout in each block.
        **kwargs: `columns`, which `build_model` fills in, and Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, features)`.

    Returns:
        A token for each column, `(batch, columns, width)`; numbers first, then categories. There is no class token: the
        fusion pools, by the mean.

    Raises:
        ValueError: if `width` is no multiple of `attention_heads`, or the features have another shape than the columns.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> encoder = mk.FeatureTokenEncoder(width=8, layers=1, attention_heads=2, columns=[[2, None], [1, 5]])
    >>> encoder(np.array([[0.5, 0.0, 4.0]])).shape
    TensorShape([1, 2, 8])

    Reference:
        Gorishniy et al., Revisiting Deep Learning Models for Tabular Data (arXiv:2106.11959).
    """

    def __init__(
        self, width: int = 64, *, layers: int = 2, attention_heads: int = 4, dropout: float = 0.1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.width = int(width)
        self.layers = int(layers)
        self.attention_heads = int(attention_heads)
        self.dropout = float(dropout)
        self._blocks = [
            AttentionBlock(self.width, self.attention_heads, self.dropout, dtype=self.dtype_policy)
            for _ in range(self.layers)
        ]
        self._norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy, name="norm")

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        self._sizes = [column.size for column in self.build_columns(features_shape, self.width)]
        self._steps = len(self._sizes) + features_shape[1] - self._numbers
        if self._sizes:
            # As for a dense layer over the numbers of one column.
            spread = keras.initializers.RandomUniform(-(self.width**-0.5), self.width**-0.5)
            self._weights = self.add_weight(name="kernel", shape=(self._numbers, self.width), initializer=spread)
        self._biases = self.add_weight(
            name="columns", shape=(self._steps, self.width), initializer=keras.initializers.RandomNormal(stddev=0.02)
        )
        for block in self._blocks:
            block.build((None, self._steps, self.width))
        self._norm.build((None, self._steps, self.width))
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        tokens = self._number_tokens(self.numbers(features)) if self._sizes else []
        embedded = self.embedded(features)
        tokens = [*tokens, embedded] if embedded is not None else tokens
        joined = ops.concatenate(tokens, axis=1) if len(tokens) > 1 else tokens[0]
        joined = joined + ops.cast(self._biases, joined.dtype)
        for block in self._blocks:
            joined = block(joined, training=training)
        return self._norm(joined)

    def _number_tokens(self, numbers: Any) -> list[Any]:
        """The tokens of neighbouring columns of one size, together: each the weighted sum of its numbers."""
        weights = ops.cast(self._weights, numbers.dtype)
        tokens, place, index = [], 0, 0
        while index < len(self._sizes):
            size, count = self._sizes[index], 1
            while index + count < len(self._sizes) and self._sizes[index + count] == size:
                count += 1
            end = place + size * count
            values = ops.reshape(numbers[:, place:end], (-1, count, size, 1))
            tokens.append(ops.sum(values * ops.reshape(weights[place:end], (count, size, self.width)), axis=2))
            place, index = end, index + count
        return tokens

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        return (features_shape[0], len(self.columns or ()) or features_shape[1], self.width)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "layers": self.layers,
            "attention_heads": self.attention_heads,
            "dropout": self.dropout,
        }
