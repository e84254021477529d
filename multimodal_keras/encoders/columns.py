"""What encoders of tables share: a feature vector is columns of numbers, then ids of categories, which are embedded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base import Encoder, FeatureColumn, FeatureSpec


class ColumnsEncoder(Encoder):
    """Base class of encoders over one vector `(batch, features)`.

    Args:
        columns: `[size, cardinality]` of each column, numbers first; `build_model` fills it in. None for a vector of nothing
            but numbers.
        **kwargs: Keras's own (`name`, `dtype`).
    """

    def __init__(self, *, columns: Iterable[Sequence[int | None]] | None = None, **kwargs: Any) -> None:
        # Half precision holds no ids.
        super().__init__(**{"autocast": False, **kwargs})
        self.columns = None if columns is None else tuple((int(size or 1), count) for size, count in columns)
        self._embedding: keras.layers.Embedding | None = None

    def configure(self, features: FeatureSpec) -> None:
        if features.vocabulary_size is not None:
            raise ValueError(
                f"{type(self).__name__} takes a vector of numbers. Received token ids. Choose an encoder for sequences."
            )
        if self.columns is None and features.columns:
            self.columns = tuple((column.size, column.cardinality) for column in features.columns)

    def build_columns(self, features_shape: tuple[int | None, ...], width: int) -> list[FeatureColumn]:
        """Make the embedding, if there are categories.

        Args:
            features_shape: `(batch, features)`.
            width: of the embedding.

        Returns:
            The columns of numbers; for a vector of nothing but numbers, one for each.

        Raises:
            ValueError: if the shape is another, or does not fit the columns.
        """
        known = self.columns
        if known is None and len(features_shape) == 2 and features_shape[1]:
            known = ((1, None),) * features_shape[1]
        if len(features_shape) != 2 or sum(size for size, _ in known or ()) != features_shape[1]:
            raise ValueError(
                f"{type(self).__name__} takes a vector (batch, features) that its columns fill. Received the shape "
                f"{tuple(features_shape)} and columns of {sum(size for size, _ in self.columns or ())} features. "
                "Choose an encoder for this modality, or correct columns."
            )
        found = [FeatureColumn(*column) for column in known or ()]
        counts = [column.cardinality for column in found if column.cardinality is not None]
        self._numbers = features_shape[1] - len(counts)
        if any(column.cardinality is not None for column in found[: len(found) - len(counts)]):
            raise ValueError("Columns of numbers come before ids. Received another order. Sort the columns.")
        # One table for all categories: the ids of each begin where those of the one before end.
        self._starts = np.cumsum([0, *counts[:-1]]).astype("int32")
        if counts:
            self._embedding = keras.layers.Embedding(sum(counts), width, dtype=self.dtype_policy, name="embedding")
            self._embedding.build((None, len(counts)))
        return [column for column in found if column.cardinality is None]

    def numbers(self, features: Any) -> Any:
        """`(batch, numbers)` in the compute dtype."""
        return ops.cast(features[:, : self._numbers], self.compute_dtype)

    def embedded(self, features: Any) -> Any:
        """`(batch, categories, width)` in the compute dtype."""
        ids = ops.cast(features[:, self._numbers :], "int32") + self._starts
        return self._embedding(ids) if self._embedding is not None else None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "columns": None if self.columns is None else [list(c) for c in self.columns]}
