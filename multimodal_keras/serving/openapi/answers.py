"""JSON Schemas of what `POST /predict` answers, by the kind of each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from multimodal_keras.serving.openapi.values import Schema

_PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _classification(task: Mapping[str, Any]) -> dict[str, Schema]:
    return {"label": {"enum": list(task["labels"])}, "probability": _PROBABILITY, "probabilities": _chances(task)}


def _multilabel(task: Mapping[str, Any]) -> dict[str, Schema]:
    labels = {"type": "array", "items": {"enum": list(task["labels"])}, "uniqueItems": True}
    return {"labels": labels, "probabilities": _chances(task)}


def _regression(task: Mapping[str, Any]) -> dict[str, Schema]:
    unit = {"unit": {"const": task["unit"]}} if task.get("unit") else {}
    return {"value": {"type": "number"}, **unit}


def _unknown(task: Mapping[str, Any]) -> dict[str, Schema]:
    return {"values": {"type": "array"}}


def _chances(task: Mapping[str, Any]) -> Schema:
    return _object(dict.fromkeys(task["labels"], _PROBABILITY))


_KINDS: dict[str, Callable[[Mapping[str, Any]], dict[str, Schema]]] = {
    "classification": _classification,
    "multilabel": _multilabel,
    "regression": _regression,
}


def answer_schema(contract: Mapping[str, Any]) -> Schema:
    """The answer to one record: each task with what its kind says; see `runtime.answers.answers`."""
    tasks = contract["tasks"]
    return _object({task: _object(_KINDS.get(facts["kind"], _unknown)(facts)) for task, facts in tasks.items()})
