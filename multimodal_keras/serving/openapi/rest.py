"""TensorFlow Serving's paths of one model."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.openapi.examples import references
from multimodal_keras.serving.openapi.responses import refused, told
from multimodal_keras.serving.openapi.tensors import answer_schema, request_schema
from multimodal_keras.serving.openapi.values import Schema, one_of

_LARGEST = 2**63 - 1
_TEXT = {"type": "string"}


def rest_schemas(model: ServedModel, suffix: str, max_records: int) -> dict[str, Any]:
    """The components that `rest_paths` refers to, by name."""
    signatures = model.signatures
    return {
        f"Predict{suffix}": one_of(*(request_schema(model, name, max_records) for name in sorted(signatures))),
        f"Predictions{suffix}": one_of(*(answer_schema(signatures[name]) for name in sorted(signatures))),
        f"Status{suffix}": _status(),
        f"Metadata{suffix}": _metadata(model),
    }


def rest_paths(model: ServedModel, suffix: str) -> dict[str, Any]:
    """A model's status, its metadata and its predictions, with and without a version.

    Args:
        model: that answers.
        suffix: of its components' names.
    """
    below = f"/v1/models/{quote(model.name, safe='')}"
    version = {
        "name": "version",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "minimum": 0, "maximum": _LARGEST},
        "example": model.version,
    }
    paths: dict[str, Any] = {}
    for path, parameters in ((below, []), (f"{below}/versions/{{version}}", [version])):
        name = f"model{suffix}" if not parameters else f"version{suffix}"
        shared = {"parameters": parameters} if parameters else {}
        # Below /v1 all that is malformed gets 400, and no path has a 405.
        missing = (400, 404) if parameters else (400,)
        paths[path] = {**shared, "get": _get(f"{name}_status", "Whether it is served", f"Status{suffix}", missing)}
        described = _get(f"{name}_metadata", "What its signatures take and answer", f"Metadata{suffix}", missing)
        paths[f"{path}/metadata"] = {**shared, "get": described}
        paths[f"{path}:predict"] = {**shared, "post": _predict(model, name, suffix, missing)}
    return paths


def _get(name: str, summary: str, schema: str, missing: tuple[int, ...]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["TensorFlow Serving"],
        "responses": {**told(f"{summary}.", {"$ref": f"#/components/schemas/{schema}"}), **refused(*missing)},
    }


def _predict(model: ServedModel, name: str, suffix: str, missing: tuple[int, ...]) -> dict[str, Any]:
    examples = references(model, f"rows{suffix}", f"columns{suffix}")
    content = {"schema": {"$ref": f"#/components/schemas/Predict{suffix}"}, **examples}
    answer = told("The outputs of the signature.", {"$ref": f"#/components/schemas/Predictions{suffix}"})
    return {
        "operationId": f"{name}_predict",
        "summary": "Call a signature",
        "tags": ["TensorFlow Serving"],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {**answer, **refused(*missing, 413, 500, 503, 504)},
    }


def _object(properties: dict[str, Any], **more: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": sorted(properties), **more}


def _status() -> Schema:
    status = _object({"error_code": {"const": "OK"}, "error_message": _TEXT})
    version = _object({"version": {**_TEXT, "pattern": "^[0-9]+$"}, "state": {"const": "AVAILABLE"}, "status": status})
    return _object({"model_version_status": {"type": "array", "items": version, "minItems": 1}})


def _metadata(model: ServedModel) -> Schema:
    size = _object({"size": {**_TEXT, "pattern": "^-?[0-9]+$"}, "name": _TEXT})
    shape = _object({"dim": {"type": "array", "items": size}, "unknown_rank": {"type": "boolean"}})
    tensor = _object({"dtype": {**_TEXT, "pattern": "^DT_"}, "tensor_shape": shape, "name": _TEXT})
    tensors: Schema = {"type": "object", "additionalProperties": tensor}
    signature = _object({"inputs": tensors, "outputs": tensors, "method_name": _TEXT})
    signatures = {"type": "object", "additionalProperties": signature, "required": sorted(model.signatures)}
    spec = _object({"name": {"const": model.name}, "signature_name": _TEXT, "version": _TEXT})
    return _object({"model_spec": spec, "metadata": _object({"signature_def": _object({"signature_def": signatures})})})
