"""What a TFLite file takes and answers through this package: the batches of a SavedModel, though its own batch is 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multimodal_keras.runtime.raw import raw_spec

RAW, TENSORS, EXPLAIN = "serving_default", "tensors", "explain"
OOD_SCORE = "ood_score"
# What a calibrated model answers beside each task.
BESIDE = ("set", "interval", "accepted")

Specs = dict[str, Any]


def contributions_name(task: str) -> str:
    """The output that says how much each modality contributed to a task's prediction."""
    return f"{task}_contributions"


def baseline_name(task: str) -> str:
    """The output that says what a task's prediction is with nothing present."""
    return f"{task}_baseline"


def beside_name(task: str, kind: str) -> str:
    """The output of a calibrated model beside a task's own: `subject_set`, `score_interval`, `subject_accepted`."""
    return f"{task}_{kind}"


def offered_signatures(contract: Mapping[str, Any]) -> dict[str, dict[str, Specs]]:
    """The signatures of a loaded TFLite file, as `signatures` has them in the contract of a SavedModel.

    Args:
        contract: of the file.

    Returns:
        `tensors`; `serving_default` where the file is a whole model and no part of one; and `explain` where it can tell
        contributions.
    """
    own = contract["tflite"]
    outputs = {name: _batch(_as_answered(spec)) for name, spec in own["outputs"].items()}
    signatures = {TENSORS: {"inputs": {name: _batch(spec) for name, spec in own["inputs"].items()}, "outputs": outputs}}
    if "part" not in contract:
        raw = {field: _with_batch(raw_spec(facts)) for field, facts in contract["modalities"].items()}
        signatures[RAW] = {"inputs": raw, "outputs": outputs}
        if EXPLAIN in own:
            told = {name: _batch(_as_answered(spec)) for name, spec in own[EXPLAIN]["outputs"].items()}
            signatures[EXPLAIN] = {"inputs": raw, "outputs": told}
    return signatures


def _with_batch(spec: Mapping[str, Any]) -> Specs:
    return {**spec, "shape": [None, *spec["shape"]]}


def _batch(spec: Mapping[str, Any]) -> Specs:
    return {**spec, "shape": [None, *spec["shape"][1:]]}


def _as_answered(spec: Mapping[str, Any]) -> Specs:
    """An int8 output is answered as the number that it means."""
    if "quantization" not in spec:
        return dict(spec)
    return {**{key: value for key, value in spec.items() if key != "quantization"}, "dtype": "float32"}
