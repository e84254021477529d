"""JSON Schemas of TensorFlow Serving's predict request and its answer, by signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.openapi.fields import is_string, string_schema
from multimodal_keras.serving.openapi.values import Schema, array_schema, one_of, output_schema
from multimodal_keras.serving.rest import COLUMNS, DEFAULT_SIGNATURE, ROWS

Signature = Mapping[str, Mapping[str, Any]]


def request_schema(model: ServedModel, name: str, max_records: int) -> Schema:
    """The request for one signature of a model, by row or by column."""
    signature = model.signatures[name]
    values = {key: _value(model, key, spec) for key, spec in signature["inputs"].items()}
    limits = {"minItems": 1, "maxItems": max_records}
    named = {"type": "object", "properties": values, "required": sorted(values)}
    rows: Schema = {"type": "array", "items": {**named, "additionalProperties": False}, **limits}
    lists = {key: {"type": "array", "items": value, **limits} for key, value in values.items()}
    columns: Schema = {"type": "object", "properties": lists, "required": sorted(values)}
    if len(values) == 1:
        rows = one_of(rows, {"type": "array", "items": next(iter(values.values())), **limits})
        columns = one_of(columns, next(iter(lists.values())))
    return one_of(_form(name, ROWS, rows, COLUMNS), _form(name, COLUMNS, columns, ROWS))


def answer_schema(signature: Signature) -> Schema:
    """The answer of one signature: `predictions` by row, `outputs` by column."""
    outputs = signature["outputs"]
    rows = {key: output_schema(spec["shape"][1:], spec) for key, spec in outputs.items()}
    columns = {key: output_schema(spec["shape"], spec) for key, spec in outputs.items()}
    return one_of(
        _object({"predictions": {"type": "array", "items": _bare_or_named(rows), "minItems": 1}}),
        _object({"outputs": _bare_or_named(columns)}),
    )


def _form(name: str, key: str, values: Schema, other: str) -> Schema:
    is_default = name == DEFAULT_SIGNATURE
    signature: Schema = {"enum": [name, ""], "default": name} if is_default else {"const": name}
    return {
        "type": "object",
        "properties": {"signature_name": signature, key: values, other: False},
        "required": [key] if is_default else [key, "signature_name"],
    }


def _value(model: ServedModel, key: str, spec: Mapping[str, Any]) -> Schema:
    facts = model.contract["modalities"].get(key)
    if facts is None or spec["dtype"] != "string" or not is_string(facts):
        return array_schema(spec["shape"][1:], spec)
    return string_schema(facts, 0 if facts["optional"] else 1)


def _bare_or_named(schemas: dict[str, Schema]) -> Schema:
    return next(iter(schemas.values())) if len(schemas) == 1 else _object(schemas)


def _object(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }
