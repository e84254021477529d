"""The paths for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from multimodal_keras.runtime.signatures import EXPLAIN
from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.openapi.examples import references, suffix_of
from multimodal_keras.serving.openapi.fields import form_encoding, form_schema
from multimodal_keras.serving.openapi.responses import refused, told
from multimodal_keras.serving.openapi.values import one_of

PATHS = ("/predict", "/api/multimodal")
_CONTRIBUTIONS = {
    "name": "contributions",
    "in": "query",
    "description": "Whether to tell how much each field added to the answer.",
    "schema": {"type": "boolean", "default": False},
}


def plain_paths(models: Sequence[ServedModel]) -> dict[str, Any]:
    """`/predict` and its other name, of the first model; of several, those with each one's name behind as well."""
    paths = {path: {"post": _operation(models[0], "", _name(path))} for path in PATHS}
    for number, model in enumerate(models if len(models) > 1 else (), 1):
        suffix = suffix_of(number)
        for path in PATHS:
            named = f"{path}/{quote(model.name, safe='')}"
            paths[named] = {"post": _operation(model, suffix, f"{_name(path)}_{number}")}
    return paths


def _name(path: str) -> str:
    return path.strip("/").replace("/", "_")


def _operation(model: ServedModel, suffix: str, name: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": "Ask for labels, probabilities and values",
        "tags": ["records"],
        **({"parameters": [_CONTRIBUTIONS]} if EXPLAIN in model.signatures else {}),
        "requestBody": {"required": True, "content": _content(model, suffix)},
        "responses": {
            **told("An answer for each record.", {"$ref": f"#/components/schemas/Answers{suffix}"}),
            **refused(400, 405, 413, 500, 503, 504),
        },
    }


def _content(model: ServedModel, suffix: str) -> dict[str, Any]:
    schemas = [{"$ref": f"#/components/schemas/Record{suffix}"}]
    if "records" not in model.contract["modalities"]:
        schemas.append({"$ref": f"#/components/schemas/Records{suffix}"})
    examples = references(model, f"record{suffix}", f"records{suffix}")
    content: dict[str, Any] = {"application/json": {"schema": one_of(*schemas), **examples}}
    if form_schema(model.contract):
        content["multipart/form-data"] = {
            "schema": {"$ref": f"#/components/schemas/Form{suffix}"},
            "encoding": form_encoding(model.contract),
        }
    return content
