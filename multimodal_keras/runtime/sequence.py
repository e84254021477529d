"""Symbol sequences to ids without TensorFlow: genes, proteins, molecules, event logs.

`docs/decoding.md` has the definition in words; `modalities/sequence_graph.py` repeats it in TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from multimodal_keras.runtime.reading import is_missing
from multimodal_keras.runtime.text import FIRST_ID, UNKNOWN_ID

UNITS = ("character", "token")
KEEPS = ("start", "end")
MOST_IDS = 2**20
_SPACE = re.compile(rb"[ \t\r\n]+")


def read_sequence(value: Any, unit: str) -> bytes:
    """A record's value as UTF-8; `b""` where it is missing.

    Args:
        value: a string or UTF-8 bytes, or a list of symbols.
        unit: `"character"` or `"token"`.

    Raises:
        ValueError: if it is none of these.
    """
    if is_missing(value):
        return b""
    if isinstance(value, (list, tuple, np.ndarray)):
        value = ("" if unit == "character" else " ").join(map(str, value))
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, bytes):
        return value
    raise ValueError(f"A sequence is a string, UTF-8 bytes or a list of symbols. Received a {type(value).__name__}.")


def symbol_index(symbols: Sequence[str], unit: str) -> dict[str, int]:
    """What a sequence is made of, to a number from 0.

    Args:
        symbols: distinct ones. With `"character"`, each entry holds one character or several that count as the same.
        unit: `"character"` or `"token"`.

    Raises:
        ValueError: if one is empty, there twice, or a token with a space in it.
    """
    index: dict[str, int] = {}
    for number, symbol in enumerate(symbols):
        alike = symbol if unit == "character" else [symbol]
        for one in alike:
            if one in index or not one or _SPACE.search(one.encode("utf-8")):
                raise ValueError(
                    f"symbols are distinct, and without spaces. Received {one!r} twice, or with one. Take it out."
                )
            index[one] = number
        if not symbol:
            raise ValueError(f"A symbol is not empty. Received one as number {number + 1}. Take it out.")
    return index


def id_count(symbols: int, k: int) -> int:
    """How many ids there are, with padding (0) and unknown (1).

    Raises:
        ValueError: if there are too many to embed.
    """
    count = symbols**k + FIRST_ID
    if count > MOST_IDS:
        raise ValueError(
            f"There are at most {MOST_IDS} k-mers. Received {symbols} symbols and k={k}, which make {count}. Lower k, or "
            "name fewer symbols."
        )
    return count


def symbols_needed(sequence_length: int, k: int, stride: int) -> int:
    """How many symbols make `sequence_length` k-mers."""
    return (sequence_length - 1) * stride + k


def split_symbols(data: bytes, unit: str, most: int | None = None, keep: str = "start") -> list[str]:
    """A sequence's symbols, at most `most` from its start or end.

    With `"character"` white space (space, tab, line breaks) is left out; with `"token"` it separates.
    """
    if unit == "character":
        # No character has more than 4 bytes: what lies behind cannot matter, however long it is.
        data = _SPACE.sub(b"", data)
        if most is not None:
            data = data[: 4 * most] if keep == "start" else data[-4 * most :]
        found = list(data.decode("utf-8", "replace"))
    else:
        found = [token.decode("utf-8", "replace") for token in _SPACE.split(data) if token]
    return found if most is None else found[:most] if keep == "start" else found[-most:]


def sequence_ids(values: Sequence[bytes], index: Mapping[str, int], facts: Mapping[str, Any]) -> np.ndarray:
    """Ids of k-mers.

    Args:
        values: UTF-8, `b""` for a missing one.
        index: see `symbol_index`.
        facts: `unit`, `k`, `stride`, `keep`, `sequence_length`, and `symbols`.

    Returns:
        `int32 (batch, sequence_length)`: for a k-mer whose symbols have the numbers n1, n2, ...: 2 plus the number with
        these digits to the base of `len(symbols)`; 1 where a symbol is unknown; 0 behind the last one.
    """
    length, k, stride = facts["sequence_length"], facts["k"], facts["stride"]
    needed, base = symbols_needed(length, k, stride), len(facts["symbols"])
    ids = np.zeros((len(values), length), np.int32)
    for row, value in enumerate(values):
        symbols = split_symbols(value, facts["unit"], needed, facts["keep"])
        numbers = [index.get(symbol, -1) for symbol in symbols]
        for place, start in enumerate(range(0, len(numbers) - k + 1, stride)):
            digits = numbers[start : start + k]
            number = 0
            for digit in digits:
                number = number * base + digit
            ids[row, place] = UNKNOWN_ID if min(digits) < 0 else number + FIRST_ID
    return ids
