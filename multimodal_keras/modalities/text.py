"""Text."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from multimodal_keras.base import FeatureSpec, Modality
from multimodal_keras.modalities import text_graph
from multimodal_keras.registry import register
from multimodal_keras.runtime.reading import read_text
from multimodal_keras.runtime.text import FIRST_ID, check_ids_request

_ADAPT_BATCH = 1024


@register
class TextModality(Modality):
    """Text in any language: UTF-8 in, token ids out. Chinese, Japanese and Thai need no segmenter.

    The host half lower-cases, takes punctuation for space, splits at spaces, and sets each character of a script that is
    written without spaces apart (`docs/decoding.md` defines it to the byte). The device half hands on the ids, with a
    mask of the steps that hold a token.

    Args:
        sequence_length: how many tokens are kept, from the start; shorter texts are padded on the right.
        unit: `"word"`; `"subword"` (words and their pieces of 3 to 5 characters, for short texts and few records: with
            `EmbeddingEncoder`, as fastText does); `"character"`; or `"byte"`.
        vocabulary_size: how many ids there are at most, with padding (0) and unknown (1); bytes always have 258.
        vocabulary: the tokens from id 2 on, most frequent first; None to take them from the records.
        least_count: how often a token must occur in the records to get an id.
        stop_words: tokens that are left out; unit `"word"` only.
        document_counts: for TF-IDF: the number of texts, then in how many of them each token of the vocabulary occurs
            among the first `sequence_length`. `adapt` fills it in.
        **kwargs: `optional`, and Keras's own (`name`).

    Call arguments:
        tensor: `int32 (batch, sequence_length)`.

    Returns:
        `(ids, step_mask)`: `int32` and `bool`, both `(batch, sequence_length)`.

    Raises:
        ValueError: for an unknown unit, or if it decodes before it has a vocabulary.

    Example:

    >>> import tensorflow as tf
    >>> import multimodal_keras as mk
    >>> text = mk.TextModality(sequence_length=4, vocabulary=["red", "cat", "猫"])
    >>> text.decode(tf.constant(["Red CAT!", "红猫"]))[0].numpy().tolist()
    [[2, 3, 0, 0], [1, 4, 0, 0]]

    Reference:
        Bojanowski et al., Enriching Word Vectors with Subword Information (arXiv:1607.04606), for `"subword"`; the Unicode
        Standard, for the code-point classes that `docs/decoding.md` freezes.
    """

    kind = "text"
    default_encoder = "LSTMEncoder"

    def __init__(
        self,
        sequence_length: int = 32,
        *,
        unit: str = "word",
        vocabulary_size: int = 10_000,
        vocabulary: Sequence[str] | None = None,
        least_count: int = 1,
        stop_words: Sequence[str] = (),
        document_counts: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_ids_request(unit, sequence_length, stop_words)
        if vocabulary_size <= FIRST_ID:
            raise ValueError(f"vocabulary_size is at least {FIRST_ID + 1}. Received {vocabulary_size!r}.")
        self.sequence_length = int(sequence_length)
        self.unit = unit
        self.vocabulary_size = int(vocabulary_size)
        self.least_count = int(least_count)
        self.stop_words = tuple(stop_words)
        self.document_counts = tuple(document_counts)
        self.vocabulary: tuple[str, ...] | None = None
        # Behind a function, where nothing tracks it: a phone's file must not hold it.
        self._table: Callable[[], tf.lookup.StaticHashTable] | None = None
        if vocabulary is not None:
            self._set_vocabulary(vocabulary)

    def _set_vocabulary(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = tuple(vocabulary)
        with tf.init_scope():
            table = text_graph.lookup_table(self.vocabulary)
        self._table = lambda: table

    @property
    def is_adapted(self) -> bool:
        return self.unit == "byte" or self.vocabulary is not None

    def tensor_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((self.sequence_length,), tf.int32)

    def feature_spec(self) -> FeatureSpec:
        size = 256 + FIRST_ID if self.unit == "byte" else len(self._known()) + FIRST_ID
        return FeatureSpec(
            (self.sequence_length,),
            "int32",
            size,
            vocabulary=self.vocabulary or (),
            document_counts=self.document_counts,
        )

    def _known(self) -> tuple[str, ...]:
        if self.vocabulary is None:
            raise ValueError(
                f"{self.name} has no vocabulary yet. Pass vocabulary=[...], call adapt, or build with adapt_to=records."
            )
        return self.vocabulary

    def read(self, value: Any, folder: Path | None = None) -> bytes:
        return read_text(value, folder)

    @tf.autograph.experimental.do_not_convert
    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if self.unit != "byte":
            self._known()
        table = self._table() if self._table else None
        ids = text_graph.token_ids(raw, table, self.unit, self.sequence_length, self.stop_words)
        return ids, tf.strings.length(raw) > 0

    def host_resources(self) -> list[Any]:
        return [self._table()] if self._table else []

    def adapt(self, values: Iterable[Any]) -> None:
        """Take the vocabulary from texts: the most frequent tokens first, equal ones in code-point order.

        Args:
            values: strings or UTF-8 bytes, or a `tf.data.Dataset` of them; one pass, in batches.

        Raises:
            ValueError: if no text has a token.
        """
        if self.unit == "byte":
            return
        counts: Counter[bytes] = Counter()
        documents: Counter[bytes] = Counter()
        texts = 0
        rest = iter(values)
        while batch := [
            self.read(getattr(value, "numpy", lambda value=value: value)()) for value in islice(rest, _ADAPT_BATCH)
        ]:
            tokens = text_graph.tokenize(tf.constant(batch, tf.string), self.unit)
            counts.update(tokens.flat_values.numpy().tolist())
            for kept in text_graph.cut(tokens, self.sequence_length, self.stop_words).to_list():
                documents.update(set(kept))
            texts += sum(map(bool, batch))
        for word in self.stop_words:
            counts.pop(word.encode("utf-8"), None)
        frequent = [(token, count) for token, count in counts.items() if count >= self.least_count]
        if not frequent:
            raise ValueError(
                f"A vocabulary needs at least one token that occurs {self.least_count} times. Received texts with "
                f"{len(counts)} different tokens. Check the field, or lower least_count."
            )
        frequent.sort(key=lambda pair: (-pair[1], pair[0]))
        chosen = [token for token, _ in frequent[: self.vocabulary_size - FIRST_ID]]
        self._set_vocabulary([token.decode("utf-8") for token in chosen])
        self.document_counts = (texts, *(documents[token] for token in chosen))

    def call(self, tensor: Any, training: bool | None = None) -> tuple[Any, Any]:
        return tensor, ops.not_equal(tensor, 0)

    def compute_output_spec(self, tensor: Any, training: bool | None = None) -> Any:
        return keras.KerasTensor(tensor.shape, dtype="int32"), keras.KerasTensor(tensor.shape, dtype="bool")

    def contract(self) -> dict[str, Any]:
        return {
            **super().contract(),
            "unit": self.unit,
            "sequence_length": self.sequence_length,
            "stop_words": list(self.stop_words),
            "vocabulary": list(self.vocabulary or ()),
            "vocabulary_sha256": hashlib.sha256("\n".join(self.vocabulary or ()).encode("utf-8")).hexdigest(),
            "range": [0, (self.feature_spec().vocabulary_size or 1) - 1],
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "unit": self.unit,
            "vocabulary_size": self.vocabulary_size,
            "vocabulary": None if self.vocabulary is None else list(self.vocabulary),
            "least_count": self.least_count,
            "stop_words": list(self.stop_words),
            "document_counts": list(self.document_counts),
        }
