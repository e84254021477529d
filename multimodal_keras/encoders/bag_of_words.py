"""Bag-of-words encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from multimodal_keras.base import Encoder, FeatureSpec
from multimodal_keras.registry import register

_WEIGHTINGS = ("count", "binary", "tf_idf")
_FIRST = 2  # ids 0 and 1 are padding and unknown


@register
class BagOfWordsEncoder(Encoder):
    """How often each token occurs, in one vector as long as the vocabulary: counts, presence or TF-IDF.

    Use it for longer texts and few records: with `ConcatFusion` and a classification head it is logistic regression over
    words, which is hard to beat there. The vectors are those of scikit-learn's `CountVectorizer` and `TfidfVectorizer` over
    the same tokens. Give the modality a `sequence_length` that holds the texts: what is cut off is not counted.

    Args:
        weighting: `"count"`; `"binary"`, 1 for what occurs; or `"tf_idf"`, counts times
            `ln((1 + texts) / (1 + texts with the token)) + 1`, of Euclidean length 1.
        inverse_document_frequencies: a factor for each id from 2 on, for `"tf_idf"`. `build_model` fills it in from what the
            modality learned of the training records.
        vocabulary_size: how many token ids there are. `build_model` fills it in.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `int (batch, steps)` token ids; 0 and 1 are not counted.

    Returns:
        One token, `(batch, 1, vocabulary_size - 2)`. Zeros for a text without a known token.

    Raises:
        ValueError: for an unknown weighting, features that are no ids, or TF-IDF without factors.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.BagOfWordsEncoder(vocabulary_size=5)(np.array([[2, 4, 2, 1, 0]])).numpy().tolist()
    [[[2.0, 0.0, 1.0]]]

    Reference:
        Salton and Buckley, Term-weighting approaches in automatic text retrieval, Information Processing and Management
        24(5), 1988; smoothed as in scikit-learn's `TfidfTransformer`.
    """

    default_pooling = "mean"
    first_counted_id = _FIRST

    def __init__(
        self,
        weighting: str = "count",
        *,
        inverse_document_frequencies: Sequence[float] | None = None,
        vocabulary_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if weighting not in _WEIGHTINGS:
            raise ValueError(
                f"weighting is one of {', '.join(_WEIGHTINGS)}. Received {weighting!r}. Choose one of these."
            )
        self.weighting = weighting
        given = inverse_document_frequencies
        self.inverse_document_frequencies = None if given is None else tuple(float(factor) for factor in given)
        self.vocabulary_size = vocabulary_size

    def configure(self, features: FeatureSpec) -> None:
        if self.vocabulary_size is None:
            self.vocabulary_size = features.vocabulary_size
        if self.weighting == "tf_idf" and self.inverse_document_frequencies is None and features.document_counts:
            counts = np.array(features.document_counts, float)
            self.inverse_document_frequencies = tuple((np.log((1 + counts[0]) / (1 + counts[1:])) + 1).tolist())

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        if len(features_shape) != 2 or self.vocabulary_size is None:
            raise ValueError(
                "A bag of words takes token ids (batch, steps) with vocabulary_size. Received the shape "
                f"{tuple(features_shape)} and vocabulary_size={self.vocabulary_size}. Choose an encoder for this modality."
            )
        factors = self.inverse_document_frequencies
        if self.weighting == "tf_idf" and (factors is None or len(factors) != self.vocabulary_size - _FIRST):
            raise ValueError(
                "TF-IDF needs to know in how many records each token occurs. Received "
                f"{0 if factors is None else len(factors)} factors for {self.vocabulary_size - _FIRST} tokens. Let the "
                "modality take its vocabulary from the records (adapt_to=train), or pass inverse_document_frequencies."
            )
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        size = self.vocabulary_size or 0
        ids = tf.cast(features, "int32")
        places = ids + tf.range(tf.shape(ids)[0])[:, None] * size
        ones = tf.ones_like(places, "float32")
        counts = tf.scatter_nd(places[..., None], ones, tf.reshape(tf.shape(ids)[0] * size, (1,)))
        words = tf.reshape(counts, (-1, size))[:, _FIRST:]
        if self.weighting == "binary":
            words = ops.minimum(words, 1.0)
        elif self.weighting == "tf_idf":
            words = words * np.array(self.inverse_document_frequencies, "float32")
            words = words / ops.sqrt(ops.maximum(ops.sum(words * words, axis=-1, keepdims=True), 1e-12))
        return ops.cast(ops.expand_dims(words, 1), self.compute_dtype)

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        return (features_shape[0], 1, (self.vocabulary_size or 0) - _FIRST)

    def get_config(self) -> dict[str, Any]:
        factors = self.inverse_document_frequencies
        return {
            **super().get_config(),
            "weighting": self.weighting,
            "inverse_document_frequencies": None if factors is None else list(factors),
            "vocabulary_size": self.vocabulary_size,
        }
