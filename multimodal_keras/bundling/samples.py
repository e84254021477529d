"""Records to what a client would send: real ones, or ones made from the contract."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.bundling.filling import TEXT, form_of
from multimodal_keras.runtime.kinds import KINDS, kind_of
from multimodal_keras.runtime.raw import Raw, absent, column_names, is_absent, pick, raw_spec

RawRecord = dict[str, Raw]


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
    return sorted(found, key=lambda raw: sum(map(is_absent, raw.values())))


def batch_of(raw: RawRecord) -> dict[str, Any]:
    """One record as a batch."""
    return {field: [raw[field]] if isinstance(raw[field], bytes) else raw[field][None] for field in sorted(raw)}  # type: ignore[call-overload]


def json_value(facts: Mapping[str, Any], value: Raw) -> Any:
    """A raw value as it stands in a JSON request: a text, a file in base64, or numbers; `""` for a file that is absent."""
    if isinstance(value, np.ndarray):
        return np.vectorize(_text, otypes=[object])(value).tolist() if value.dtype == object else value.tolist()
    if form_of(facts) == TEXT:
        return _text(value)
    return {"b64": base64.b64encode(value).decode("ascii")} if value else ""


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def made_records(fields: Mapping[str, Any], count: int) -> list[RawRecord]:
    """Records such as each kind of field makes up; the last of several lacks what may be missing."""
    made = [{field: _made(field, facts, number) for field, facts in fields.items()} for number in range(count)]
    if count > 1:
        made[-1] |= {field: absent(raw_spec(facts)) for field, facts in fields.items() if facts["optional"]}
    return made


def _raw(fields: Mapping[str, Any], record: Mapping[str, Any], number: int, folder: Path | None) -> RawRecord:
    raw: RawRecord = {}
    for field, facts in fields.items():
        value = kind_of(field, facts).read(pick(record, field, column_names(facts)), folder, facts)
        if is_absent(value) and not facts["optional"]:
            raise ValueError(
                f"The field {field} is required. Received record {number} without it. Choose other records."
            )
        raw[field] = absent(raw_spec(facts)) if value is None else value
    return raw


def _made(field: str, facts: Mapping[str, Any], number: int) -> Raw:
    kind = KINDS.get(facts["kind"])
    if kind is not None:
        return kind.sample(facts, number)
    if facts["optional"]:
        return absent(raw_spec(facts))
    raise ValueError(
        f"Records are made up of {' and '.join(sorted(KINDS))}. Received the field {field}, which is "
        f"{facts['kind']}. Pass real records."
    )
