"""The paths for those who run a server, and this document's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.openapi.responses import refused, told
from multimodal_keras.serving.openapi.values import Schema

_TAG = ["operation"]


def operation_paths(models: Sequence[ServedModel]) -> dict[str, Any]:
    """`/healthz`, `/readyz`, `/metrics`, `/contract`, `/openapi.json`, and the page at `/`."""
    health = _health(models)
    alive = {**told("The process lives.", health), **refused(405)}
    ready = {**told("It takes requests.", health), **refused(405, 503)}
    numbers = {**told("Prometheus's text format.", {"type": "string"}, "text/plain"), **refused(404, 405)}
    described = {"type": "object", "required": ["openapi", "info", "paths", "components"]}
    this = {**told("OpenAPI.", described), **refused(405)}
    page = {**told("A page.", {"type": "string"}, "text/html"), **refused(405)}
    paths = {
        "/healthz": _get("health", "Whether the process lives", alive, security=[]),
        "/readyz": _get("ready", "Whether to send requests here", ready, security=[]),
        "/metrics": _get("metrics", "What happened, in numbers", numbers),
        "/openapi.json": _get("openapi", "This document", this),
        "/": _get("page", "A page for people, which asks by /predict", page, security=[]),
        "/contract": _get("contract", "What every input and output is", _contract(models, models[0])),
    }
    for number, model in enumerate(models if len(models) > 1 else (), 1):
        path = f"/contract/{quote(model.name, safe='')}"
        paths[path] = _get(f"contract_{number}", "What every input and output is", _contract(models, model))
    return paths


def _health(models: Sequence[ServedModel]) -> Schema:
    properties: Schema = {
        "status": {"const": "ok"},
        "model": {"const": models[0].name},
        "version": {"type": "string"},
    }
    if len(models) > 1:
        names = [model.name for model in models]
        properties["models"] = {
            "type": "object",
            "properties": {name: {"type": "string"} for name in names},
            "required": names,
        }
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def _contract(models: Sequence[ServedModel], model: ServedModel) -> dict[str, Any]:
    properties: Schema = {
        "model": {"const": model.name},
        "version": {"type": "string"},
        "models": {"const": [each.name for each in models]},
        "contract": {"type": "object", "required": ["modalities", "signatures", "tasks"]},
    }
    schema = {"type": "object", "properties": properties, "required": sorted(properties)}
    return {**told("The contract, as `contract.json` has it.", schema), **refused(405)}


def _get(name: str, summary: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"get": {"operationId": name, "summary": summary, "tags": _TAG, "responses": responses, **more}}
