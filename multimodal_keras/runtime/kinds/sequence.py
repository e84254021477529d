"""Symbol sequences without TensorFlow."""

from __future__ import annotations

from multimodal_keras.runtime.kinds.kind import Decode, Kind
from multimodal_keras.runtime.raw import Facts
from multimodal_keras.runtime.sequence import read_sequence, sequence_ids, symbol_index, symbols_needed


def _decoder(facts: Facts) -> Decode:
    index = symbol_index(facts["symbols"], facts["unit"])
    return lambda values: sequence_ids(values, index, facts)


def _sample(facts: Facts, number: int) -> bytes:
    """The symbols in turn, about half as many as are read."""
    symbols = [symbol[0] if facts["unit"] == "character" else symbol for symbol in facts["symbols"]]
    count = facts["k"] + symbols_needed(facts["sequence_length"], facts["k"], facts["stride"]) // 2
    return read_sequence([symbols[(number + place) % len(symbols)] for place in range(count)], facts["unit"])


SEQUENCE = Kind(
    "sequence",
    read=lambda value, folder, facts: read_sequence(value, facts["unit"]),
    decoder=_decoder,
    sample=_sample,
    is_text=True,
    device_facts=frozenset({"unit", "k", "stride", "keep", "symbols"}),
    free_facts=frozenset({"range", "sequence_length"}),
)
