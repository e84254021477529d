"""What encoders of sequences share: token ids are embedded, numbers are taken as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base import Encoder, FeatureSpec
from multimodal_keras.word_vectors import Coverage, WordVectors


class SequenceEncoder(Encoder):
    """Base class of encoders over steps: token ids `int (batch, steps)` or frames `(batch, steps, channels)`.

    Args:
        embedding_width: the width of the token embedding; unused for frames.
        dropout: the rate of dropout on the embedded inputs.
        vocabulary_size: how many token ids there are; None for frames. `build_model` fills it in.
        embeddings: `WordVectors`, or the path of a file of some, with which the token embedding begins, as wide as they
            are; the unknown token counts as a word without a vector, padding gets zeros. None for random ones.
        train_embeddings: whether the token embedding is trained.
        **kwargs: Keras's own (`name`, `dtype`).
    """

    def __init__(
        self,
        *,
        embedding_width: int = 128,
        dropout: float = 0.0,
        vocabulary_size: int | None = None,
        embeddings: WordVectors | str | None = None,
        train_embeddings: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.embedding_width = int(embedding_width)
        self.dropout = float(dropout)
        self.vocabulary_size = vocabulary_size
        self.embeddings = str(embeddings) if isinstance(embeddings, Path) else embeddings
        self.train_embeddings = bool(train_embeddings)
        self.coverage: Coverage | None = None
        self._initial: np.ndarray | None = None
        self._embedding: keras.layers.Embedding | None = None
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def configure(self, features: FeatureSpec) -> None:
        if self.vocabulary_size is None:
            self.vocabulary_size = features.vocabulary_size
        if self.embeddings is not None and not self.built:
            self._begin_with(self.embeddings, features.vocabulary)

    def _begin_with(self, vectors: WordVectors | str, vocabulary: tuple[str, ...]) -> None:
        if not vocabulary:
            raise ValueError(
                f"Word vectors belong to a field of words. Received embeddings for {self.name}, whose field has no "
                "vocabulary. Leave embeddings out, or choose the unit of a TextModality that has one."
            )
        if isinstance(vectors, str):
            vectors = WordVectors.read(vectors, vocabulary=vocabulary)
        self.coverage = vectors.coverage(vocabulary)
        if not self.coverage.known:
            raise ValueError(
                f"Word vectors know some of a field's words. Received {len(vectors.words)} words; none of the "
                f"{len(vocabulary)} tokens of {self.name} is among them. Check language, case and unit."
            )
        rows = vectors.matrix(("", *vocabulary))
        self._initial = np.concatenate([np.zeros((1, vectors.width), "float32"), rows])
        self.embedding_width = vectors.width

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
            self.vocabulary_size,
            self.embedding_width,
            trainable=self.train_embeddings,
            dtype=self.dtype_policy,
            name="embedding",
        )
        self._embedding.build(features_shape)
        if self._initial is not None:
            self._embedding.embeddings.assign(self._initial)
            self._initial = None
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
            # Once built, the weights are in the saved file, and theirs may be gone.
            "embeddings": None if self.built else self.embeddings,
            "train_embeddings": self.train_embeddings,
        }
