"""Records as people send them: a JSON object by field, several of them, or a form with files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np

from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.runtime.raw import SCALAR, column_names, is_absent, pick, raw_spec, stacked
from multimodal_keras.serving.parsing import Array, parse_array, parse_bytes
from multimodal_keras.serving.refusal import Refusal, json_type, shorten
from multimodal_keras.serving.rest import DEFAULT_SIGNATURE

RECORDS = "records"


class RecordReader:
    """Turn what a client sent into the inputs of a model's `serving_default`.

    Args:
        contract: of the model; `modalities` says which fields there are and which are optional.
    """

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._fields: Mapping[str, Any] = contract["modalities"]
        self._specs: Mapping[str, Any] = contract["signatures"][DEFAULT_SIGNATURE]["inputs"]
        self._columns = {field: column_names(facts) for field, facts in self._fields.items()}
        self._names = {*self._fields, *chain.from_iterable(self._columns.values())}

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
            if name in record and isinstance(value, bytes) and self._takes_files(name):
                record[name] = [*(record[name] if isinstance(record[name], list) else [record[name]]), value]
                continue
            if name in record:
                raise Refusal(f"A form holds each field once. Received {shorten(name)} twice. Send records as JSON.")
            record[name] = value
        if not record:
            raise Refusal(f"A form holds a field for each modality. Received an empty one. {self._known()}")
        self._check_names(record)
        for name, value in record.items():
            if name not in self._fields:
                continue
            if type(value) is str and not self._is_string(name):
                raise Refusal(f"Field {name} holds several values. Received a form's text. Send the record as JSON.")
            if type(value) is str and value and self._is_file(name):
                raise Refusal(f"Field {name} is a file. Received a form's text. Send it as a file of the form.")
        return self._batch([self._row(record)])

    def _row(self, record: Any) -> dict[str, Any]:
        if type(record) is not dict:
            raise Refusal(f"A record is an object of field to value. Received {json_type(record)}. {self._known()}")
        self._check_names(record)
        return {field: self._value(field, pick(record, field, self._columns[field])) for field in self._fields}

    def _check_names(self, record: Mapping[str, Any]) -> None:
        unknown = sorted(record.keys() - self._names)
        if unknown:
            raise Refusal(f"Every field is one of the model's. Received {shorten(unknown[0])}. {self._known()}")

    def _known(self) -> str:
        names = (name if facts["optional"] else f"{name} (required)" for name, facts in sorted(self._fields.items()))
        return f"The fields are {', '.join(names)}."

    def _value(self, field: str, value: Any) -> Any:
        if value is not None:
            value = self._bytes(field, value) if self._is_string(field) else self._array(field, value)
        if not is_absent(value):
            return value
        if not self._fields[field]["optional"]:
            raise Refusal(f"Field {field} is required. Received none, or an empty one. {self._known()}")
        return None

    def _is_string(self, field: str) -> bool:
        """Whether the field is one string: a text, or the content of a file."""
        return raw_spec(self._fields[field]) == SCALAR

    def _takes_files(self, field: str) -> bool:
        """Whether the field is any number of files: one may then stand for itself."""
        return field in self._fields and raw_spec(self._fields[field]) == {"shape": [None], "dtype": "string"}

    def _is_file(self, field: str) -> bool:
        """Whether a string is never text here: in JSON it comes in base64, in a form as a file."""
        kind = KINDS.get(self._fields[field]["kind"])
        return self._is_string(field) and kind is not None and not kind.is_text

    def _array(self, field: str, value: Any) -> Array:
        facts, kind = self._fields[field], KINDS.get(self._fields[field]["kind"])
        if self._takes_files(field):
            files = value if isinstance(value, list) else [value]
            return _objects([self._bytes(field, file) for file in files])
        try:
            if kind is not None and kind.parse is not None:
                return np.asarray(kind.parse(value, facts))
            return np.asarray(parse_array([value], self._specs[field])[0])
        except ValueError as error:  # The kind's own sentences.
            raise Refusal(f"field {field}: {error}") from None
        except Refusal as refusal:
            raise refusal.at(f"field {field}") from None

    def _bytes(self, field: str, value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        if type(value) is str and value and self._is_file(field):
            raise Refusal(
                f"Field {field} is the content of a file. Received a string. "
                'Send {"b64": "..."} with the file in base64, or a form with the file; '
                "nothing is fetched by its name or address."
            )
        try:
            return parse_bytes(value)
        except Refusal as refusal:
            raise refusal.at(f"field {field}") from None

    def _batch(self, rows: list[dict[str, Any]]) -> dict[str, Array]:
        return {field: stacked([row[field] for row in rows], raw_spec(facts)) for field, facts in self._fields.items()}


def _objects(files: list[bytes]) -> np.ndarray:
    # Not np.array: it would cut zeros off their ends.
    array = np.empty(len(files), object)
    array[:] = files
    return array
