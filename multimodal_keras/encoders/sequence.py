"""What encoders of sequences share: token ids are embedded, numbers are taken as they are."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Encoder, FeatureSpec


class SequenceEncoder(Encoder):
    """Base class of encoders over steps: token ids `int (batch, steps)` or frames `(batch, steps, channels)`.

    Args:
        embedding_width: the width of the token embedding; unused for frames.
        dropout: the rate of dropout on the embedded inputs.
        vocabulary_size: how many token ids there are; None for frames. `build_model` fills it in.
        **kwargs: Keras's own (`name`, `dtype`).
    """

    def __init__(
        self, *, embedding_width: int = 128, dropout: float = 0.0, vocabulary_size: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.embedding_width = int(embedding_width)
        self.dropout = float(dropout)
        self.vocabulary_size = vocabulary_size
        self._embedding: keras.layers.Embedding | None = None
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def configure(self, features: FeatureSpec) -> None:
        if self.vocabulary_size is None:
            self.vocabulary_size = features.vocabulary_size

    def build_inputs(self, features_shape: tuple[int | None, ...]) -> tuple[int | None, int, int]:
        """Make the embedding, if there is one.

        Args:
            features_shape: `(batch, steps)` for ids, `(batch, steps, channels)` for frames.

        Returns:
            The shape `(batch, steps, channels)` of what `embed` returns.

        Raises:
            ValueError: if the shape is neither, or the vocabulary's size is not known.
        """
        if len(features_shape) == 3:
            return features_shape[0], int(features_shape[1] or 0), int(features_shape[2] or 0)
        if len(features_shape) != 2 or self.vocabulary_size is None:
            raise ValueError(
                "A sequence encoder takes frames (batch, steps, channels), or token ids (batch, steps) with "
                f"vocabulary_size. Received the shape {tuple(features_shape)} and vocabulary_size="
                f"{self.vocabulary_size}. Choose an encoder for this modality, or set vocabulary_size."
            )
        self._embedding = keras.layers.Embedding(
            self.vocabulary_size, self.embedding_width, dtype=self.dtype_policy, name="embedding"
        )
        self._embedding.build(features_shape)
        return features_shape[0], int(features_shape[1] or 0), self.embedding_width

    def embed(self, features: Any, training: bool | None) -> Any:
        """`(batch, steps, channels)` in the compute dtype."""
        if self._embedding is not None:
            return self._dropout(self._embedding(features), training=training)
        return self._dropout(ops.cast(features, self.compute_dtype), training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "embedding_width": self.embedding_width,
            "dropout": self.dropout,
            "vocabulary_size": self.vocabulary_size,
        }
