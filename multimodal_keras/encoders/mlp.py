"""Perceptron encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.encoders.columns import ColumnsEncoder
from multimodal_keras.registry import register


@register
class MLPEncoder(ColumnsEncoder):
    """A multi-layer perceptron over a table's columns or any vector: numbers as they are, categories embedded.

    Use it for tables and for vectors that were computed elsewhere. Each layer is a projection, layer normalisation, ReLU and
    dropout.

    Args:
        units: the width of each layer.
        embedding_width: the width of the embedding of each category.
        dropout: the rate of dropout behind each layer.
        **kwargs: `columns`, which `build_model` fills in, and Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, features)`.

    Returns:
        One token `(batch, 1, units[-1])`.

    Raises:
        ValueError: if there is no layer, or the features have another shape than the columns.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> encoder = mk.MLPEncoder([16, 8], columns=[[2, None], [1, 5]])
    >>> encoder(np.array([[0.5, 0.0, 4.0]])).shape
    TensorShape([1, 1, 8])

    Reference:
        Gorishniy et al., Revisiting Deep Learning Models for Tabular Data (arXiv:2106.11959), for the perceptron as a
        baseline that is hard to beat.
    """

    def __init__(
        self, units: Sequence[int] = (128, 64), *, embedding_width: int = 8, dropout: float = 0.1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not units or min(units) < 1 or embedding_width < 1:
            raise ValueError(
                f"units are widths of at least one layer, all at least 1, as is embedding_width. Received {units!r} and "
                f"{embedding_width!r}. Raise them."
            )
        self.units = tuple(int(width) for width in units)
        self.embedding_width = int(embedding_width)
        self.dropout = float(dropout)
        policy = self.dtype_policy
        self._projections = [keras.layers.Dense(width, dtype=policy) for width in self.units]
        self._norms = [keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy) for _ in self.units]
        self._dropout = keras.layers.Dropout(self.dropout, dtype=policy)

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        self.build_columns(features_shape, self.embedding_width)
        categories = features_shape[1] - self._numbers
        width = self._numbers + categories * self.embedding_width
        for layer, norm, units in zip(self._projections, self._norms, self.units, strict=True):
            layer.build((None, width))
            norm.build((None, units))
            width = units
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        vector = self.numbers(features)
        tokens = self.embedded(features)
        if tokens is not None:
            flat = ops.reshape(tokens, (-1, tokens.shape[1] * self.embedding_width))
            vector = ops.concatenate([vector, flat], axis=1) if self._numbers else flat
        for layer, norm in zip(self._projections, self._norms, strict=True):
            vector = self._dropout(ops.relu(norm(layer(vector))), training=training)
        return ops.expand_dims(vector, 1)

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        return (features_shape[0], 1, self.units[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": list(self.units),
            "embedding_width": self.embedding_width,
            "dropout": self.dropout,
        }
