"""JSON Schemas of what `POST /predict` answers, by the kind of each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from multimodal_keras.runtime.signatures import EXPLAIN, OOD_SCORE
from multimodal_keras.serving.model import ServedModel
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


def answer_schema(model: ServedModel) -> Schema:
    """The answer to one record: each task with what its kind says; see `runtime.answers.answers`."""
    contract, schemas = model.contract, {}
    for task, facts in contract["tasks"].items():
        schemas[task] = _object(_KINDS.get(facts["kind"], _unknown)(facts) | _calibrated(facts))
        if EXPLAIN in model.signatures:
            value = _beside(facts)
            # Where the request asked for them.
            schemas[task]["properties"] |= {
                "baseline": value,
                "contributions": _object(dict.fromkeys(contract["modalities"], value)),
            }
    if OOD_SCORE in contract:
        schemas[OOD_SCORE] = _object({"score": {"type": "number"}, "unusual": {"type": "boolean"}})
    return _object(schemas)


def _calibrated(task: Mapping[str, Any]) -> dict[str, Schema]:
    """What a calibrated model says beside a task's answer."""
    labels: Schema = {"type": "array", "items": {"enum": list(task.get("labels") or ())}, "uniqueItems": True}
    flag: Schema = {"type": "boolean"} if task["kind"] == "classification" else labels
    interval: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    schemas = {"set": labels, "accepted": flag, "interval": interval}
    return {kind: schemas[kind] for kind in task.get("calibration", {}).get("outputs", {})}


def _beside(task: Mapping[str, Any]) -> Schema:
    """A number that stands beside an answer's own: one, or for a multilabel task one for each label."""
    if task["kind"] == "multilabel":
        return _object({label: {"type": "number"} for label in task["labels"]})
    return {"type": "number"} if task["kind"] in _KINDS else {"type": "array"}
