"""Embedding encoder."""

from __future__ import annotations

from typing import Any

import keras

from multimodal_keras.encoders.sequence import SequenceEncoder
from multimodal_keras.registry import register


@register
class EmbeddingEncoder(SequenceEncoder):
    """The embedded tokens as they are: pooled by the mean, a bag of words; over subwords, fastText's text classifier.

    Use it for short texts and few records, with `TextModality(unit="subword")`: an unknown word is known by its pieces.
    It is small and fast, and hard to beat there.

    Args:
        token_dropout: the rate at which whole tokens are left out while training.
        embedding_width: the width of the embedding.
        dropout: the rate of dropout on the embedded tokens.
        vocabulary_size: how many token ids there are. `build_model` fills it in.
        embeddings: `WordVectors`, or the path of a file of some, with which the token embedding begins.
        train_embeddings: whether the token embedding is trained.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `int (batch, steps)` token ids, or `(batch, steps, channels)` frames.
        step_mask: `bool (batch, steps)` or None.

    Returns:
        Tokens `(batch, steps, embedding_width)`, with `step_mask` if one was given. Pooled by the mean.

    Raises:
        ValueError: if the features have another rank, or there are ids and no `vocabulary_size`.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> encoder = mk.EmbeddingEncoder(embedding_width=8, vocabulary_size=100)
    >>> encoder(np.array([[5, 7, 0]])).shape
    TensorShape([1, 3, 8])

    Reference:
        Joulin et al., Bag of Tricks for Efficient Text Classification (arXiv:1607.01759).
    """

    def __init__(self, *, token_dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.token_dropout = float(token_dropout)
        self._token_dropout = keras.layers.Dropout(
            self.token_dropout, noise_shape=(None, None, 1), dtype=self.dtype_policy
        )

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        self.build_inputs(features_shape)
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        tokens = self._token_dropout(self.embed(features, training), training=training)
        return tokens if step_mask is None else (tokens, step_mask)

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        width = features_shape[2] if len(features_shape) == 3 else self.embedding_width
        tokens = (features_shape[0], features_shape[1], width)
        return tokens if step_mask_shape is None else (tokens, tuple(step_mask_shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "token_dropout": self.token_dropout}
