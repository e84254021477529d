"""The contract: every input and output of both artefacts, by name."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from multimodal_keras import __version__
from multimodal_keras.base import Parts, parts, presence_name
from multimodal_keras.base.contributions import is_explainable
from multimodal_keras.base.parts import output_of
from multimodal_keras.exporting.savedmodel import EMBED, EMBEDDING, raw_signature, tensor_signature
from multimodal_keras.runtime.signatures import (
    EXPLAIN,
    OOD_SCORE,
    RAW,
    TENSORS,
    baseline_name,
    contributions_name,
)
from multimodal_keras.runtime.text import load_tables

FORMAT = 1


def contract(model: keras.Model) -> dict[str, Any]:
    """What a client has to know, as JSON-able facts.

    Args:
        model: made by `build_model`.

    Returns:
        `format`, `package` (versions), `modalities` (field to what `Modality.contract` says, with `optional`), `tasks`
        (task to what `Head.contract` says; of a calibrated model also `calibration`), `ood_score` if it has one,
        `signatures` of the SavedModel, and `tflite`: its one signature. Each input and output has `shape` (null for the
        batch), `dtype`, and `range` where one is known. Where there is text, `code_points`: the frozen tables that its
        decoding is defined by.
    """
    found = parts(model)
    outputs = {task: _tensor((None, *model.output[task].shape[1:]), tf.float32) for task in found.heads}
    for task, head in found.heads.items():
        outputs[task] |= _range(head.contract())
    outputs |= beside(found, model)
    width = int(output_of(model, found.fusion).shape[-1])
    raw = {name: _tensor(spec.shape, spec.dtype) for name, spec in raw_signature(found).items()}
    return {
        "format": FORMAT,
        "package": {"multimodal_keras": __version__, "tensorflow": tf.__version__, "keras": keras.__version__},
        "modalities": {
            field: {**modality.contract(), "optional": modality.optional}
            for field, modality in found.modalities.items()
        },
        **({"code_points": _code_points()} if any(part.kind == "text" for part in found.modalities.values()) else {}),
        "tasks": {task: _task(found, task) for task in found.heads},
        **({} if found.unusual is None else {OOD_SCORE: _by_presence(found) | found.unusual.contract()}),
        "signatures": {
            RAW: {"inputs": raw, "outputs": outputs},
            TENSORS: {"inputs": _tensors(found, None), "outputs": outputs},
            EMBED: {"inputs": raw, "outputs": {EMBEDDING: _tensor((None, width), tf.float32)}},
            **({EXPLAIN: {"inputs": raw, "outputs": explained(found, outputs)}} if is_explainable(found) else {}),
        },
        "tflite": {
            "signature": RAW,
            "inputs": _tensors(found, 1),
            "outputs": {task: {**output, "shape": [1, *output["shape"][1:]]} for task, output in outputs.items()},
        },
    }


def explained(found: Parts, outputs: dict[str, Any]) -> dict[str, Any]:
    """The outputs of `explain`, for those of the tasks."""
    every = dict(outputs)
    for task, output in ((task, outputs[task]) for task in found.heads):
        batch, *sizes = output["shape"]
        every[contributions_name(task)] = {
            **_tensor((batch, len(found.modalities), *sizes), tf.float32),
            "meaning": f"how much each modality added to the baseline, in the order {', '.join(found.modalities)}",
        }
        every[baseline_name(task)] = {**output, "meaning": "the prediction with nothing present"}
    return every


_MEANINGS = {
    "set": "the labels of which the truth is one, as often as {coverage:g} of the records",
    "interval": "the ends of an interval that holds the truth, for {coverage:g} of the records",
    "accepted": "whether the answer reaches the wished precision or recall",
}


def beside(found: Parts, model: keras.Model) -> dict[str, Any]:
    """The outputs that a calibration adds: name to spec, with a dynamic batch."""
    outputs = {}
    for name, (task, kind) in found.beside.items():
        tensor, options = model.output[name], found.calibrations[task].options
        meaning = _MEANINGS[kind].format(coverage=options["coverage"] or 0.0)
        outputs[name] = {**_tensor(tensor.shape, tf.as_dtype(tensor.dtype)), "meaning": meaning}
    if found.unusual is not None:
        share = found.unusual.options["ood"]
        meaning = f"above 0: more unusual than {share:g} of the records of the calibration"
        outputs[OOD_SCORE] = {**_tensor((None, 1), tf.float32), "meaning": meaning}
    return outputs


def _task(found: Parts, task: str) -> dict[str, Any]:
    facts = found.heads[task].contract()
    if task not in found.calibrations:
        return facts
    named = {kind: name for name, (of, kind) in found.beside.items() if of == task}
    told = _by_presence(found) | found.calibrations[task].contract()
    return {**facts, "calibration": {"outputs": named, **told}}


def _by_presence(found: Parts) -> dict[str, Any]:
    """The fields whose presence tells the row of each table: the i-th adds `2 ** i` to its number."""
    return {"presence_fields": sorted(found.optional)}


def _code_points() -> dict[str, Any]:
    return {name: table for name, table in load_tables().items() if name != "format"}


def _tensors(found: Parts, batch: int | None) -> dict[str, Any]:
    inputs = {name: _tensor(spec.shape, spec.dtype) for name, spec in tensor_signature(found, batch).items()}
    for field, modality in found.modalities.items():
        inputs[field] |= _range(modality.contract())
    for field in found.optional:
        inputs[presence_name(field)]["meaning"] = f"false where the record has no {field}; its content is then ignored"
    return inputs


def _tensor(shape: Any, dtype: tf.DType) -> dict[str, Any]:
    return {"shape": [None if size is None else int(size) for size in shape], "dtype": dtype.name}


def _range(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: facts[key] for key in ("range", "unit") if facts.get(key) is not None}
