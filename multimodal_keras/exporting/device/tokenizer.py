"""Text to the token ids that the model takes, without TensorFlow or any other library.

    contract = json.loads(Path("contract.json").read_text(encoding="utf-8"))
    ids = Tokenizer(contract, "title").ids("A black cat")

`golden.json` beside this file has texts with their ids, to prove a copy of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

PADDING, UNKNOWN, FIRST = 0, 1, 2
REPLACEMENT, SPACE = 0xFFFD, 0x20
UNITS = ("word", "subword", "character", "byte")


class Tokenizer:
    """Token ids of one text field.

    Args:
        contract: the content of `contract.json`.
        field: the name of the text field.

    Raises:
        ValueError: if the contract has no such text field, or splits it in a way that is not known here.
    """

    def __init__(self, contract: dict[str, Any], field: str) -> None:
        facts = contract["modalities"].get(field, {})
        if facts.get("unit") not in UNITS:
            raise ValueError(
                f"A tokenizer needs a text field whose unit is one of {', '.join(UNITS)}. Received {field!r} with the "
                f"unit {facts.get('unit')!r}. Name a text field, and use the tokenizer that was exported with the model."
            )
        self.unit: str = facts["unit"]
        self.sequence_length: int = facts["sequence_length"]
        self._stop_words = frozenset(facts["stop_words"])
        self._ids = {token: number for number, token in enumerate(facts["vocabulary"], FIRST)}
        tables = contract["code_points"]
        self._lower = {point: REPLACEMENT for first, last in tables["noncharacters"] for point in _range(first, last)}
        for first, last, step, distance in tables["lower"]:
            self._lower.update((point, point + distance) for point in range(first, last + 1, step))
        self._spaces = {point: SPACE for first, last in tables["separators"] for point in _range(first, last)}
        alone = "".join(f"{chr(first)}-{chr(last)}" for first, last in tables["split"])
        self._alone = re.compile(f"[{alone}]")

    def ids(self, text: str | bytes) -> list[int]:
        """The ids of a text (or of its UTF-8 bytes): `sequence_length` of them, zeros at the end."""
        lower = _decode(text).translate(self._lower)
        if self.unit == "byte":
            known = [FIRST + byte for byte in lower.encode("utf-8")[: self.sequence_length]]
        else:
            known = [self._ids.get(token, UNKNOWN) for token in islice(self._tokens(lower), self.sequence_length)]
        return known + [PADDING] * (self.sequence_length - len(known))

    def _tokens(self, lower: str) -> Iterator[str]:
        spaced = lower.translate(self._spaces)
        if self.unit == "character":
            yield from " ".join(filter(None, spaced.split(" ")))
            return
        for word in filter(None, self._alone.sub(r" \g<0> ", spaced).split(" ")):
            if self.unit == "subword":
                yield from _pieces(f"<{word}>")
            elif word not in self._stop_words:
                yield word


def _decode(text: str | bytes) -> str:
    """Valid Unicode: what is not becomes U+FFFD."""
    if isinstance(text, bytes):
        return text.decode("utf-8", "replace")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _range(first: int, last: int) -> range:
    return range(first, last + 1)


def _pieces(word: str) -> Iterator[str]:
    yield word
    for width in (3, 4, 5):
        for start in range(len(word) - width + 1):
            yield word[start : start + width]
