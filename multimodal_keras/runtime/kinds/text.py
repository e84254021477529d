"""Texts without TensorFlow."""

from __future__ import annotations

from functools import partial

from multimodal_keras.runtime.kinds.kind import Decode, Kind
from multimodal_keras.runtime.raw import Facts
from multimodal_keras.runtime.reading import read_text
from multimodal_keras.runtime.text import token_ids, vocabulary_index

_WORDS = 6


def _decoder(facts: Facts) -> Decode:
    vocabulary = facts["vocabulary"]
    return partial(
        token_ids,
        unit=facts["unit"],
        vocabulary=None if vocabulary is None else vocabulary_index(vocabulary),
        sequence_length=facts["sequence_length"],
        stop_words=facts["stop_words"],
    )


def _sample(facts: Facts, number: int) -> bytes:
    """Tokens of the vocabulary."""
    vocabulary = facts.get("vocabulary") or ["sample", "text"]
    tokens = [vocabulary[(number * _WORDS + place) % len(vocabulary)] for place in range(_WORDS)]
    # A subword's marks of start and end are no part of a text.
    return " ".join(token.strip("<>") for token in tokens).encode("utf-8")


TEXT = Kind(
    "text",
    read=lambda value, folder, facts: read_text(value, folder),
    decoder=_decoder,
    sample=_sample,
    is_text=True,
    device_facts=frozenset({"unit", "stop_words"}),
    free_facts=frozenset({"vocabulary", "vocabulary_sha256", "range", "sequence_length"}),
)
