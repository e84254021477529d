"""What a TFLite file takes and answers through this package: the batches of a SavedModel, though its own batch is 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multimodal_keras.runtime.raw import raw_spec

RAW, TENSORS = "serving_default", "tensors"

Specs = dict[str, Any]


def offered_signatures(contract: Mapping[str, Any]) -> dict[str, dict[str, Specs]]:
    """The signatures of a loaded TFLite file, as `signatures` has them in the contract of a SavedModel.

    Args:
        contract: of the file.

    Returns:
        `tensors`, and `serving_default` where the file is a whole model and no part of one.
    """
    own = contract["tflite"]
    outputs = {name: _batch(_as_answered(spec)) for name, spec in own["outputs"].items()}
    signatures = {TENSORS: {"inputs": {name: _batch(spec) for name, spec in own["inputs"].items()}, "outputs": outputs}}
    if "part" not in contract:
        raw = {field: _with_batch(raw_spec(facts)) for field, facts in contract["modalities"].items()}
        signatures[RAW] = {"inputs": raw, "outputs": outputs}
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
