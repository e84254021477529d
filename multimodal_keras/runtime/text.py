"""Text to token ids without TensorFlow: the definition that the graph in ``modalities/text_graph.py`` repeats.

1. **Decode** UTF-8; each maximal invalid part becomes U+FFFD (as Python's ``"replace"`` and JavaScript's
   ``TextDecoder`` with ``ignoreBOM``). A lone surrogate in a ``str`` and each of the 66 noncharacters become U+FFFD.
2. **Lower** each code point by the frozen table (one code point to one; what is not in the table stays).
3. **Separate**: each separator of the frozen table (punctuation, spaces, controls with NUL, ASCII symbols, invisible
   marks) becomes U+0020.
4. **Standardise**: runs of U+0020 become one, those at both ends go.

Tokens of the unit

* ``"word"``: what stands between the spaces; a character of the table's ``split`` ranges (scripts without spaces,
  pictographs) is a word of its own;
* ``"character"``: each code point of the standardised text, the space included;
* ``"subword"``: for each word, set between ``<`` and ``>`` (which no word holds): the whole of it, then its pieces of 3,
  of 4 and of 5 code points from left to right, those that are the whole included;
* ``"byte"``: each byte of the UTF-8 form after steps 1 and 2 only, written as two lower-case hexadecimal digits.

Ids: 0 is padding, 1 is ``"[UNK]"``, the vocabulary's tokens follow from 2 in their order. A byte's id is its value
plus 2, without a vocabulary (so 258 ids, of which 1 is never used). Nothing is normalised (NFC): send composed text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

PADDING_ID = 0
UNKNOWN_ID = 1
FIRST_ID = 2
UNKNOWN_TOKEN = "[UNK]"
REPLACEMENT = 0xFFFD
BYTE_VOCABULARY_SIZE = 256 + FIRST_ID
UNITS = ("word", "subword", "character", "byte")
SUBWORD_WIDTHS = (3, 4, 5)

_TABLES_FILE = Path(__file__).with_name("unicode_tables.json")


@cache
def load_tables() -> dict[str, Any]:
    """The frozen character tables, read once.

    Returns:
        ``{"format": 1, "unicode": version, "noncharacters": [[first, last], ...], "separators": [[first, last], ...],
        "split": [[first, last], ...], "lower": [[first, last, step, distance], ...]}``; code points, ends included;
        each of ``first``, ``first + step``, ... ``last`` has its lower case at ``+ distance``. Do not change it.
    """
    tables: dict[str, Any] = json.loads(_TABLES_FILE.read_text(encoding="utf-8"))
    return tables


@cache
def _lower_map() -> dict[int, int]:
    runs, ranges = load_tables()["lower"], load_tables()["noncharacters"]
    lower = {code: code + distance for first, last, step, distance in runs for code in range(first, last + 1, step)}
    return {**lower, **{code: REPLACEMENT for first, last in ranges for code in range(first, last + 1)}}


@cache
def _standard_map() -> dict[int, int]:
    separators = {code: 0x20 for first, last in load_tables()["separators"] for code in range(first, last + 1)}
    return {**_lower_map(), **separators}


@cache
def _split_pattern() -> re.Pattern[str]:
    ranges = "".join(f"{chr(first)}-{chr(last)}" for first, last in load_tables()["split"])
    return re.compile(f"([{ranges}])")


@cache
def _word_pattern() -> re.Pattern[str]:
    alone = _split_pattern().pattern[2:-2]
    return re.compile(f"[{alone}]|[^ {alone}]+")


def _decode(text: bytes | str) -> str:
    if isinstance(text, str):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(text, bytes):
        return text.decode("utf-8", "replace")
    raise TypeError(f"A text must be str or UTF-8 bytes. Received {type(text).__name__}. Convert it with str(...).")


def check_unit(unit: str) -> None:
    """Raise ``ValueError`` unless ``unit`` is one of `UNITS`."""
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}. Received {unit!r}. Choose one of these.")


def standardize(text: bytes | str) -> str:
    """Lower-case text with single spaces and without separators (steps 1 to 4 of the module's definition).

    Args:
        text: ``str``, or ``bytes`` in UTF-8 of which invalid parts become U+FFFD.

    Returns:
        ``str``.

    Raises:
        TypeError: ``text`` is neither.

    Example:
        >>> standardize("  Don't PANIC!\\n")
        'don t panic'
    """
    return " ".join(filter(None, _decode(text).translate(_standard_map()).split(" ")))


def tokenize(text: bytes | str, unit: str) -> list[str]:
    """The tokens of one text, in order.

    Args:
        text: ``str`` or ``bytes`` in UTF-8.
        unit: ``"word"``, ``"subword"``, ``"character"`` or ``"byte"``; see the module's definition.

    Returns:
        List of non-empty ``str``; empty for a text without content.

    Raises:
        TypeError: ``text`` is neither ``str`` nor ``bytes``.
        ValueError: ``unit`` is not known.

    Example:
        >>> tokenize("Tokyo 東京", "word")
        ['tokyo', '東', '京']
        >>> tokenize("cats", "subword")
        ['<cats>', '<ca', 'cat', 'ats', 'ts>', '<cat', 'cats', 'ats>', '<cats', 'cats>']
        >>> tokenize("Hi!", "byte")
        ['68', '69', '21']
    """
    check_unit(unit)
    if unit == "byte":
        return [f"{byte:02x}" for byte in _lowered_bytes(text)]
    if unit == "character":
        return list(standardize(text))
    spaced = _split_pattern().sub(r" \1 ", _decode(text).translate(_standard_map()))
    words = [token for token in spaced.split(" ") if token]
    return words if unit == "word" else [piece for word in words for piece in _pieces(f"<{word}>")]


def _pieces(word: str) -> list[str]:
    return [word[start:end] for start, end in _piece_places(len(word))]


def _piece_places(length: int) -> list[tuple[int, int]]:
    parts = [(start, start + width) for width in SUBWORD_WIDTHS for start in range(length - width + 1)]
    return [(0, length), *parts]


def token_spans(text: bytes | str, unit: str) -> list[tuple[str, int, int]]:
    """The tokens of one text with their places in it.

    Args:
        text: ``str`` or ``bytes`` in UTF-8.
        unit: as for ``tokenize``.

    Returns:
        ``(token, start, end)`` for each token of ``tokenize``, in code points of the decoded text. The marks that
        subwords have at the ends of a word take no place, and a space may be as long as all that it stands for.

    Raises:
        TypeError: ``text`` is neither ``str`` nor ``bytes``.
        ValueError: ``unit`` is not known.

    Example:

        >>> token_spans("Red, CAT", "word")
        [('red', 0, 3), ('cat', 5, 8)]
    """
    check_unit(unit)
    # One code point becomes one, so that places stay.
    if unit == "byte":
        lowered = enumerate(_decode(text).translate(_lower_map()))
        return [(f"{byte:02x}", at, at + 1) for at, one in lowered for byte in one.encode("utf-8")]
    plain = _decode(text).translate(_standard_map())
    if unit == "character":
        return _character_spans(plain)
    words = [(found.group(), found.start(), found.end()) for found in _word_pattern().finditer(plain)]
    if unit == "word":
        return words
    return [
        (f"<{word}>"[first:last], start + max(first - 1, 0), start + min(last - 1, len(word)))
        for word, start, _ in words
        for first, last in _piece_places(len(word) + 2)
    ]


def _character_spans(plain: str) -> list[tuple[str, int, int]]:
    spans: list[tuple[str, int, int]] = []
    for at, one in enumerate(plain):
        if one == " ":
            continue
        if spans and spans[-1][2] < at:
            spans.append((" ", spans[-1][2], at))
        spans.append((one, at, at + 1))
    return spans


def _lowered_bytes(text: bytes | str) -> bytes:
    return _decode(text).translate(_lower_map()).encode("utf-8")


def vocabulary_index(vocabulary: Iterable[str]) -> dict[str, int]:
    """Token to id, from 2 in the vocabulary's order.

    Args:
        vocabulary: distinct, non-empty tokens without padding and ``"[UNK]"``.

    Returns:
        ``{token: id}``.

    Raises:
        ValueError: a token is empty or stands there twice.
    """
    index: dict[str, int] = {}
    for position, token in enumerate(vocabulary):
        if not token or token in index:
            raise ValueError(
                "A vocabulary must hold each token once and no empty one. "
                f"Received {token!r} again or empty at position {position}. Remove it; ids 0 and 1 are added for you."
            )
        index[token] = position + FIRST_ID
    return index


def check_ids_request(unit: str, sequence_length: int, stop_words: Sequence[str]) -> None:
    """Raise ``ValueError`` where the arguments of ``token_ids`` cannot be served (shared with the graph's twin)."""
    check_unit(unit)
    if sequence_length < 1:
        raise ValueError(
            f"sequence_length must be at least 1 token. Received {sequence_length}. Give the longest text's tokens."
        )
    if stop_words and unit != "word":
        raise ValueError(
            f"stop_words need unit='word'. Received unit={unit!r} and {len(stop_words)} stop words. Leave them out."
        )
    for word in stop_words:
        tokens = tokenize(word, "word")
        if tokens != [word]:
            raise ValueError(
                f"A stop word must be written as the tokens are. Received {word!r}, which gives the tokens {tokens}. "
                "Give these."
            )


def token_ids(
    texts: Iterable[bytes | str],
    *,
    unit: str,
    vocabulary: Sequence[str] | Mapping[str, int] | None,
    sequence_length: int,
    stop_words: Sequence[str] = (),
) -> np.ndarray:
    """Ids of a batch of texts, cut or padded at the end to one length.

    Args:
        texts: batch of ``str`` or UTF-8 ``bytes``.
        unit: ``"word"``, ``"subword"``, ``"character"`` or ``"byte"``.
        vocabulary: the real tokens in order (ids from 2), or ``vocabulary_index(...)`` of them (faster for single
            texts). Not used, and may be None, for ``"byte"``.
        sequence_length: tokens per text; only the first ones stay, zeros fill up.
        stop_words: tokens dropped before the cut; unit ``"word"`` only.

    Returns:
        ``int32 (batch, sequence_length)``.

    Raises:
        TypeError: a text is neither ``str`` nor ``bytes``.
        ValueError: an argument is out of its range, or the vocabulary is missing.

    Example:
        >>> token_ids(["The red fox"], unit="word", vocabulary=["fox", "the"], sequence_length=4)
        array([[3, 1, 2, 0]], dtype=int32)
    """
    check_ids_request(unit, sequence_length, stop_words)
    texts = list(texts)
    ids = np.full((len(texts), sequence_length), PADDING_ID, np.int32)
    if unit == "byte":
        for row, text in enumerate(texts):
            values = np.frombuffer(_lowered_bytes(text), np.uint8)[:sequence_length]
            ids[row, : len(values)] = values.astype(np.int32) + FIRST_ID
        return ids
    if vocabulary is None:
        raise ValueError(f"unit={unit!r} needs a vocabulary. Received None. Give the list of tokens, or unit='byte'.")
    index = vocabulary if isinstance(vocabulary, Mapping) else vocabulary_index(vocabulary)
    dropped = frozenset(stop_words)
    for row, text in enumerate(texts):
        tokens = [token for token in tokenize(text, unit) if token not in dropped][:sequence_length]
        ids[row, : len(tokens)] = [index.get(token, UNKNOWN_ID) for token in tokens]
    return ids
