"""The whole document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.openapi.answers import answer_schema
from multimodal_keras.serving.openapi.examples import example_records, suffix_of
from multimodal_keras.serving.openapi.fields import form_schema, record_schema
from multimodal_keras.serving.openapi.operations import operation_paths
from multimodal_keras.serving.openapi.plain import plain_paths
from multimodal_keras.serving.openapi.responses import ERROR, refusals
from multimodal_keras.serving.openapi.rest import rest_paths, rest_schemas

VERSION = "3.1.0"
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key that `multimodal-keras key` made."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key in a header."},
}
_DESCRIPTION = """Send records, and get what the model says of them.

`POST /predict` is for people: names of fields and labels. What is below `/v1/models` is TensorFlow Serving's REST API, for
clients that know it. Files are sent in base64, or by a form; none is ever fetched by its name or address.
Whatever is wrong with a request is answered by `{"error": "..."}`."""


def document(models: Sequence[ServedModel], max_records: int, needs_key: bool) -> dict[str, Any]:
    """Describe what a server answers now.

    Args:
        models: that it answers for; the first one answers where a path names none.
        max_records: of a request.
        needs_key: whether requests need an API key.

    Returns:
        A JSON-able OpenAPI document.
    """
    first = models[0]
    schemas: dict[str, Any] = {"Error": ERROR}
    examples: dict[str, Any] = {}
    paths = plain_paths(models)
    for number, model in enumerate(models, 1):
        suffix = suffix_of(number)
        schemas |= _schemas(model, suffix, max_records)
        examples |= example_records(model.contract, suffix)
        paths |= rest_paths(model, suffix)
    secured: dict[str, Any] = {"security": [{name: []} for name in _SCHEMES]} if needs_key else {}
    return {
        "openapi": VERSION,
        "info": {"title": first.name, "version": str(first.version), "description": _DESCRIPTION},
        **secured,
        "paths": _finished({**paths, **operation_paths(models)}, needs_key),
        "components": {
            "schemas": schemas,
            "responses": refusals(),
            "examples": examples,
            **({"securitySchemes": _SCHEMES} if needs_key else {}),
        },
    }


def _schemas(model: ServedModel, suffix: str, max_records: int) -> dict[str, Any]:
    records = {
        "type": "object",
        "properties": {
            "records": {
                "type": "array",
                "items": {"$ref": f"#/components/schemas/Record{suffix}"},
                "minItems": 1,
                "maxItems": max_records,
            }
        },
        "required": ["records"],
        "additionalProperties": False,
    }
    answers = {
        "type": "object",
        "properties": {
            "answers": {"type": "array", "items": {"$ref": f"#/components/schemas/Answer{suffix}"}, "minItems": 1}
        },
        "required": ["answers"],
        "additionalProperties": False,
    }
    form = form_schema(model.contract)
    return {
        f"Record{suffix}": record_schema(model.contract),
        f"Records{suffix}": records,
        f"Answer{suffix}": answer_schema(model),
        f"Answers{suffix}": answers,
        **({f"Form{suffix}": form} if form else {}),
        **rest_schemas(model, suffix, max_records),
    }


def _finished(paths: dict[str, Any], needs_key: bool) -> dict[str, Any]:
    """With what keys change: 401 on every operation that needs one."""
    if not needs_key:
        return paths
    for operations in paths.values():
        for key, operation in operations.items():
            if key in ("get", "post") and "security" not in operation:
                operation["responses"]["401"] = {"$ref": "#/components/responses/Refusal401"}
    return paths
