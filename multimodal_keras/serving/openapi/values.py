"""JSON Schemas of single values: strings, bytes in base64, numbers, and arrays of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Schema = dict[str, Any]

# The greatest integer below which float32 has every integer: what is written without decimals is not rounded silently.
_WHOLE = {"float16": 2**11 - 1, "float32": 2**24 - 1, "float64": 2**53 - 1}


def one_of(*schemas: Schema) -> Schema:
    """What one of several schemas allows; unions within are joined."""
    parts: list[Schema] = []
    for schema in schemas:
        parts += schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    return {"anyOf": parts} if len(parts) > 1 else parts[0]


def base64_schema(kind: str | None, shortest: int, longest: int | None = None) -> Schema:
    """Bytes as `{"b64": ...}`.

    Args:
        kind: of the file that they are; None for any bytes.
        shortest: characters at least.
        longest: characters at most; None for any number.
    """
    text: Schema = {
        "type": "string",
        "contentEncoding": "base64",
        "format": "byte" if kind is None else f"base64-{kind}",
    }
    if longest is not None:
        text = {"const": ""}
    elif shortest:
        text["minLength"] = shortest
    return {"type": "object", "properties": {"b64": text}, "required": ["b64"], "additionalProperties": False}


def array_schema(shape: Sequence[int | None], spec: Mapping[str, Any]) -> Schema:
    """Arrays nested as deeply as a shape.

    Args:
        shape: of one value, None where any size is allowed.
        spec: `dtype` of the numbers, and perhaps `range`.
    """
    schema = number_schema(spec)
    for size in reversed(shape):
        limits = {} if size is None else {"minItems": size, "maxItems": size}
        schema = {"type": "array", "items": schema, **limits}
    return schema


def number_schema(spec: Mapping[str, Any]) -> Schema:
    """One number, boolean or string of a dtype. Floats beyond the whole numbers that it holds exactly are left out."""
    if spec["dtype"] == "string":
        return one_of({"type": "string"}, base64_schema(None, 0))
    dtype = np.dtype(spec["dtype"])
    if dtype.kind == "b":
        return {"type": "boolean"}
    if dtype.kind == "f":
        most = _WHOLE.get(dtype.name, 2**24 - 1)
        return {"type": "number", "minimum": -most, "maximum": most}
    limits = np.iinfo(dtype)
    low, high = spec.get("range") or (int(limits.min), int(limits.max))
    return {"type": "integer", "minimum": low, "maximum": high}


def output_schema(shape: Sequence[int | None], spec: Mapping[str, Any]) -> Schema:
    """An output of one record, whose floats are whatever the model says within its range."""
    schema: Schema = {"type": "number"} if np.dtype(spec["dtype"]).kind == "f" else number_schema(spec)
    if spec.get("range"):
        schema |= {"minimum": spec["range"][0], "maximum": spec["range"][1]}
    for size in reversed(shape):
        limits = {} if size is None else {"minItems": size, "maxItems": size}
        schema = {"type": "array", "items": schema, **limits}
    return schema
