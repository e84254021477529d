"""Records to what a client would send: real ones, or ones made from the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.reading import READERS, read_image

RawRecord = dict[str, bytes]
_WORDS = 6


def raw_records(
    contract: Mapping[str, Any], records: Iterable[Mapping[str, Any]] | None, count: int, folder: Path | None = None
) -> list[RawRecord]:
    """Field to raw value, for each record.

    Args:
        contract: of the model.
        records: real ones; None for made ones.
        count: how many to make.
        folder: the one that paths in records are relative to.

    Returns:
        At least one record, the first of them with the most fields.

    Raises:
        ValueError: if there is no record, a required field is empty, or a kind of field cannot be made up.
    """
    fields = contract["modalities"]
    if records is None:
        return made_records(fields, count)
    found = [_raw(fields, record, number, folder) for number, record in enumerate(records, 1)]
    if not found:
        raise ValueError(
            "Warm-up needs at least one record. Received none. Pass some, or leave them out to have some made."
        )
    # The stable sort keeps the order of the others.
    return sorted(found, key=lambda raw: -sum(map(bool, raw.values())))


def made_records(fields: Mapping[str, Any], count: int) -> list[RawRecord]:
    """Records with tokens of the vocabulary and patterns of pixels; the last of several lacks what may be missing."""
    made = [{field: _made(field, facts, number) for field, facts in fields.items()} for number in range(count)]
    if count > 1:
        made[-1] |= {field: b"" for field, facts in fields.items() if facts["optional"]}
    return made


def _raw(fields: Mapping[str, Any], record: Mapping[str, Any], number: int, folder: Path | None) -> RawRecord:
    raw = {}
    for field, facts in fields.items():
        raw[field] = READERS[facts["kind"]](record.get(field), folder)
        if not raw[field] and not facts["optional"]:
            raise ValueError(
                f"The field {field} is required. Received record {number} without it. Choose other records."
            )
    return raw


def _made(field: str, facts: Mapping[str, Any], number: int) -> bytes:
    maker = _MAKERS.get(facts["kind"])
    if maker:
        return maker(facts, number)
    if facts["optional"]:
        return b""
    raise ValueError(
        f"Records are made up of {' and '.join(sorted(_MAKERS))}. Received the field {field}, which is "
        f"{facts['kind']}. Pass real records."
    )


def _made_text(facts: Mapping[str, Any], number: int) -> bytes:
    vocabulary = facts.get("vocabulary") or ["sample", "text"]
    tokens = [vocabulary[(number * _WORDS + place) % len(vocabulary)] for place in range(_WORDS)]
    # A subword's marks of start and end are no part of a text.
    return " ".join(token.strip("<>") for token in tokens).encode("utf-8")


def _made_image(facts: Mapping[str, Any], number: int) -> bytes:
    height, width = facts["size"]
    rows, columns, channels = np.ogrid[:height, :width, :3]
    return read_image(((5 * rows + 3 * columns + 60 * channels + 31 * number) % 256).astype(np.uint8))


_MAKERS: dict[str, Callable[[Mapping[str, Any], int], bytes]] = {"image": _made_image, "text": _made_text}
