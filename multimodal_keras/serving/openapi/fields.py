"""JSON Schemas of a model's fields, as `POST /predict` takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.runtime.raw import SCALAR, raw_spec
from multimodal_keras.serving.openapi.values import Schema, array_schema, base64_schema, one_of

# What the decoders know, by kind of field.
MEDIA_TYPES = {"image": "image/jpeg, image/png, image/gif, image/bmp, image/webp"}


def is_string(facts: Mapping[str, Any]) -> bool:
    """Whether a field is one string: a text, or the content of a file."""
    return raw_spec(facts) == SCALAR


def is_file(facts: Mapping[str, Any]) -> bool:
    """Whether a field is the content of a file."""
    kind = KINDS.get(facts["kind"])
    return is_string(facts) and kind is not None and not kind.is_text


def record_schema(contract: Mapping[str, Any]) -> Schema:
    """One record in JSON: an object with what is required, and nothing that the model does not know."""
    fields = contract["modalities"]
    return {
        "type": "object",
        "properties": {field: _field(facts) for field, facts in fields.items()},
        "required": sorted(field for field, facts in fields.items() if not facts["optional"]),
        "additionalProperties": False,
    }


def form_schema(contract: Mapping[str, Any]) -> Schema | None:
    """One record as a form; None if a required field cannot be sent by one."""
    fields = {field: facts for field, facts in contract["modalities"].items() if is_string(facts)}
    required = sorted(field for field, facts in contract["modalities"].items() if not facts["optional"])
    if not fields or set(required) - fields.keys():
        return None
    return {
        "type": "object",
        "properties": {field: _form_field(facts) for field, facts in fields.items()},
        "required": required,
        "additionalProperties": False,
        "minProperties": 1,
    }


def form_encoding(contract: Mapping[str, Any]) -> dict[str, Any]:
    """The types of the files in a form."""
    return {
        field: {"contentType": MEDIA_TYPES.get(facts["kind"], "application/octet-stream")}
        for field, facts in contract["modalities"].items()
        if is_file(facts)
    }


def string_schema(facts: Mapping[str, Any], shortest: int) -> Schema:
    """A text, or the content of a file.

    Args:
        facts: of the field.
        shortest: characters of a text, and of base64; 0 where an empty one stands for a missing field.
    """
    if is_file(facts):
        content = base64_schema(facts["kind"], 1)
        # An empty string has no content, in whichever way it is written.
        return content if shortest else one_of(content, base64_schema(None, 0, longest=0), {"const": ""})
    return one_of({"type": "string", "minLength": shortest}, base64_schema(None, shortest))


def _field(facts: Mapping[str, Any]) -> Schema:
    if is_string(facts):
        value = string_schema(facts, 0 if facts["optional"] else 1)
    else:
        spec = raw_spec(facts)
        value = array_schema(spec["shape"], spec)
    return one_of(value, {"type": "null"}) if facts["optional"] else value


def _form_field(facts: Mapping[str, Any]) -> Schema:
    if is_file(facts):
        return {"type": "string", "format": "binary"}
    return {"type": "string"} if facts["optional"] else {"type": "string", "minLength": 1}
