"""Records as people send them: a JSON object by field, several of them, or a form with files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from multimodal_keras.serving.parsing import Array, parse_array, parse_bytes
from multimodal_keras.serving.refusal import Refusal, json_type, shorten
from multimodal_keras.serving.rest import DEFAULT_SIGNATURE

RECORDS = "records"
# What is never text: in JSON it comes in base64, in a form as a file.
_BINARY = ("audio", "image", "video")


class RecordReader:
    """Turn what a client sent into the inputs of a model's `serving_default`.

    Args:
        contract: of the model; `modalities` says which fields there are and which are optional.
    """

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._fields: Mapping[str, Any] = contract["modalities"]
        self._specs: Mapping[str, Any] = contract["signatures"][DEFAULT_SIGNATURE]["inputs"]

    def split(self, body: Mapping[str, Any]) -> list[Any]:
        """The records of a JSON body: those under `records`, or the one that the body itself is."""
        if RECORDS not in body or RECORDS in self._fields:
            return [body]
        records, others = body[RECORDS], sorted(body.keys() - {RECORDS})
        if type(records) is not list or not records:
            received = "an empty array" if records == [] else json_type(records)
            raise Refusal(f"'{RECORDS}' is an array of at least one record. Received {received}.")
        if others:
            raise Refusal(
                f"Beside '{RECORDS}' there is nothing. Received {shorten(others[0])} too. Put it into a record."
            )
        return records

    def inputs(self, records: list[Any]) -> dict[str, Array]:
        """Records of a JSON body as a batch.

        Args:
            records: objects of field to a text, `{"b64": ...}`, or numbers; null is as good as left out.

        Returns:
            Field to `(batch, ...)`.

        Raises:
            Refusal: naming the record and the field.
        """
        rows = []
        for number, record in enumerate(records):
            try:
                rows.append(self._row(record))
            except Refusal as refusal:
                raise (refusal.at(f"{RECORDS}[{number}]") if len(records) > 1 else refusal) from None
        return self._batch(rows)

    def form_inputs(
        self, texts: Iterable[tuple[str | None, str]], files: Iterable[tuple[str | None, bytes]]
    ) -> dict[str, Array]:
        """One record from a form.

        Args:
            texts: name and value of each text field; the name is None where a part has none.
            files: name, or None, and content of each file; its own name and type are not looked at.

        Returns:
            Field to `(1, ...)`.

        Raises:
            Refusal: naming the field.
        """
        record: dict[str, Any] = {}
        for name, value in [*texts, *files]:
            if not name:
                raise Refusal(f"Each part of a form has a name. Received one without. {self._known()}")
            if name in record:
                raise Refusal(f"A form holds each field once. Received {shorten(name)} twice. Send records as JSON.")
            record[name] = value
        if not record:
            raise Refusal(f"A form holds a field for each modality. Received an empty one. {self._known()}")
        self._check_names(record)
        for name, value in record.items():
            if type(value) is str and self._specs[name]["dtype"] != "string":
                raise Refusal(f"Field {name} holds numbers. Received a form's text. Send the record as JSON.")
            if type(value) is str and value and self._fields[name]["kind"] in _BINARY:
                raise Refusal(f"Field {name} is a file. Received a form's text. Send it as a file of the form.")
        return self._batch([self._row(record)])

    def _row(self, record: Any) -> dict[str, Any]:
        if type(record) is not dict:
            raise Refusal(f"A record is an object of field to value. Received {json_type(record)}. {self._known()}")
        self._check_names(record)
        return {field: self._value(field, record.get(field)) for field in self._fields}

    def _check_names(self, record: Mapping[str, Any]) -> None:
        unknown = sorted(record.keys() - self._fields.keys())
        if unknown:
            raise Refusal(f"Every field is one of the model's. Received {shorten(unknown[0])}. {self._known()}")

    def _known(self) -> str:
        names = (name if facts["optional"] else f"{name} (required)" for name, facts in sorted(self._fields.items()))
        return f"The fields are {', '.join(names)}."

    def _value(self, field: str, value: Any) -> Any:
        facts, spec = self._fields[field], self._specs[field]
        missing = value is None
        if not missing and spec["dtype"] == "string":
            value = self._bytes(field, value)
            missing = value == b""
        elif not missing:
            try:
                value = parse_array([value], spec)[0]
            except Refusal as refusal:
                raise refusal.at(f"field {field}") from None
        if missing and not facts["optional"]:
            raise Refusal(f"Field {field} is required. Received none, or an empty one. {self._known()}")
        return self._absent(spec) if missing else value

    def _bytes(self, field: str, value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        if type(value) is str and value and self._fields[field]["kind"] in _BINARY:
            raise Refusal(
                f"Field {field} is the content of a file. Received a string. "
                'Send {"b64": "..."} with the file in base64, or a form with the file; '
                "nothing is fetched by its name or address."
            )
        try:
            return parse_bytes(value)
        except Refusal as refusal:
            raise refusal.at(f"field {field}") from None

    @staticmethod
    def _absent(spec: Mapping[str, Any]) -> Any:
        if spec["dtype"] == "string":
            return b""
        sizes = [size or 1 for size in spec["shape"][1:]]
        return np.full(sizes, math.nan if spec["dtype"].startswith("float") else 0, spec["dtype"])

    def _batch(self, rows: list[dict[str, Any]]) -> dict[str, Array]:
        batch: dict[str, Array] = {}
        for field, spec in self._specs.items():
            values = [row[field] for row in rows]
            batch[field] = values if spec["dtype"] == "string" else _stack(field, values)
        return batch


def _stack(field: str, values: list[np.ndarray]) -> np.ndarray:
    if len({value.shape for value in values}) > 1:
        raise Refusal(f"Field {field} has one shape in all records of a request. Received several. Send them apart.")
    return np.stack(values)
