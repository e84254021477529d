"""Prove that Keras, the SavedModel and the TFLite file give the same numbers, on real records."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from multimodal_keras.base import Parts, parts, presence_name
from multimodal_keras.data import Records
from multimodal_keras.data.raw import raw_batches
from multimodal_keras.exporting.savedmodel import RAW, TENSORS, decode
from multimodal_keras.runtime.artefacts import TFLITE, SavedModelArtefact, TFLiteArtefact

TOLERANCES = {"savedmodel": 1e-5, "tflite": 1e-4}

Outputs = dict[str, np.ndarray]


class ParityError(RuntimeError):
    """An artefact answers otherwise than the model; nothing was written."""


@dataclass(frozen=True)
class Sample:
    """Real records in every form in which an artefact takes them.

    Attributes:
        raw: field to raw values, `b""` for missing ones.
        tensors: the model's inputs.
        labels: task to `(targets, weights)`; the weights are all zero where the sample has no labels.
    """

    raw: dict[str, np.ndarray]
    tensors: dict[str, np.ndarray]
    labels: dict[str, tuple[np.ndarray, np.ndarray]]

    def without(self, field: str) -> Sample:
        """The same records with one optional modality missing; its tensor keeps its content, which must not matter."""
        gone = np.zeros(len(self.tensors[field]), bool)
        values = self.raw[field]
        empty = np.full(values.shape, b"" if values.dtype == object else np.nan, values.dtype)
        return Sample({**self.raw, field: empty}, {**self.tensors, presence_name(field): gone}, self.labels)


def draw_sample(model: keras.Model, records: Records, count: int) -> Sample:
    """Read and decode the first `count` records."""
    found = parts(model)
    batch = next(raw_batches(records.take(count), found.modalities, batch_size=count))
    tensors = decode(found, {field: tf.constant(values) for field, values in batch.raw.items()})
    labels = {task: head.targets([record.get(task) for record in batch.records]) for task, head in found.heads.items()}
    return Sample(batch.raw, {name: tensor.numpy() for name, tensor in tensors.items()}, labels)


def measure_parity(model: keras.Model, folder: Path, sample: Sample) -> dict[str, Any]:
    """Compare both artefacts with the model.

    Args:
        model: made by `build_model`.
        folder: with the artefacts.
        sample: real records.

    Returns:
        `records`, `tolerances`, and `rows`: for each way of answering and each set of modalities its largest difference,
        how many answers flipped, the metric of each task, and whether it passed.

    Raises:
        ParityError: if a difference is above its tolerance.
    """
    found = parts(model)
    reference = tf.function(lambda inputs: model(inputs, training=False), autograph=False)
    saved = SavedModelArtefact(folder)
    ways = {
        "SavedModel, raw": ("savedmodel", lambda part: saved.call(RAW, part.raw)),
        "SavedModel, tensors": ("savedmodel", lambda part: saved.call(TENSORS, part.tensors)),
    }
    if (folder / TFLITE).exists():
        lite = TFLiteArtefact(folder / TFLITE)
        ways["TFLite"] = ("tflite", lambda part: lite.call(part.tensors))
    rows = []
    for name, part in {
        "all": sample,
        **{f"without {field}": sample.without(field) for field in found.optional},
    }.items():
        wanted = {task: output.numpy() for task, output in reference(part.tensors).items()}
        rows.append({"way": "Keras", "records": name, "metrics": _metrics(found, wanted, part)})
        for way, (kind, answer) in ways.items():
            rows.append({"way": way, "records": name, **_compare(found, answer(part), wanted, part, TOLERANCES[kind])})
    report = {"records": len(sample.tensors[min(sample.raw)]), "tolerances": TOLERANCES, "rows": rows}
    _gate(report)
    return report


def _compare(found: Parts, got: Outputs, wanted: Outputs, sample: Sample, tolerance: float) -> dict[str, Any]:
    """Differences in units of the output's own size, so that a regression's tolerance does not hang on its unit."""
    differences = {
        task: float(np.max(np.abs(got[task] - wanted[task])) / max(1.0, float(np.max(np.abs(wanted[task])))))
        for task in wanted
    }
    flips = {
        task: int(np.sum(np.argmax(got[task], -1) != np.argmax(wanted[task], -1)))
        for task in wanted
        if wanted[task].shape[-1] > 1
    }
    worst = max(differences.values())
    return {
        "largest_difference": worst,
        "differences": differences,
        "argmax_flips": flips,
        "metrics": _metrics(found, got, sample),
        "tolerance": tolerance,
        # A NaN is no number below the tolerance.
        "passed": bool(worst <= tolerance),
    }


def _metrics(found: Parts, outputs: Outputs, sample: Sample) -> dict[str, float | None]:
    """The first metric of each head, over the labelled records."""
    values: dict[str, float | None] = {}
    for task, head in found.heads.items():
        targets, weights = sample.labels[task]
        metric = head.default_metrics()[0]
        metric.update_state(targets, outputs[task], sample_weight=weights)
        values[f"{task} {metric.name}"] = float(metric.result()) if weights.any() else None
    return values


def _gate(report: Mapping[str, Any]) -> None:
    failed = [row for row in report["rows"] if not row.get("passed", True)]
    if failed:
        lines = [
            f"  {row['way']}, {row['records']}: {row['largest_difference']:.2e} > {row['tolerance']:.0e}"
            for row in failed
        ]
        raise ParityError(
            "Every artefact gives the numbers of the model. Received larger differences, so nothing was written:"
            + os.linesep
            + os.linesep.join(lines)
        )
