"""Prove that Keras, the SavedModel and the TFLite files give the same numbers, on real records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from multimodal_keras.base import Parts, parts, presence_name
from multimodal_keras.base.contributions import contributions_model
from multimodal_keras.base.graph import answers_of, graph_of
from multimodal_keras.data import Records
from multimodal_keras.data.raw import raw_batches
from multimodal_keras.exporting.gate import judged_drops
from multimodal_keras.exporting.savedmodel import decode, raw_signature
from multimodal_keras.runtime.artefacts import SavedModelArtefact
from multimodal_keras.runtime.signatures import (
    EXPLAIN,
    OOD_SCORE,
    RAW,
    TENSORS,
    baseline_name,
    beside_name,
    contributions_name,
)

TOLERANCES = {"savedmodel": 1e-5, "tflite": 1e-4}
FLOAT32 = "float32"
# Of what is yes or no: the share that may differ where nothing is quantized.
MOST_FLIPS = 0.01

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

    def __len__(self) -> int:
        return len(self.raw[min(self.raw)])

    def without(self, field: str) -> Sample:
        """The same records with one optional modality missing; its tensor keeps its content, which must not matter."""
        gone = np.zeros(len(self.tensors[field]), bool)
        values = self.raw[field]
        empty = np.full(values.shape, b"" if values.dtype == object else np.nan, values.dtype)
        return Sample({**self.raw, field: empty}, {**self.tensors, presence_name(field): gone}, self.labels)


@dataclass(frozen=True)
class Way:
    """One way of answering that is compared with the model.

    Attributes:
        name: as it stands in the report.
        answer: from a sample to the outputs.
        tolerance: the largest difference; None for a quantized file, whose metrics are compared instead.
        explains: whether contributions and baselines are answered and compared too.
    """

    name: str
    answer: Callable[[Sample], Outputs]
    tolerance: float | None
    explains: bool = False


def draw_sample(model: keras.Model, records: Records, count: int) -> Sample:
    """Read and decode the first `count` records."""
    found = parts(model)
    batch = next(raw_batches(records.take(count), found.modalities, batch_size=count))
    tensors = graph_of(lambda raw: decode(found, raw), raw_signature(found))(
        {field: tf.constant(values) for field, values in batch.raw.items()}
    )
    labels = {task: head.targets([record.get(task) for record in batch.records]) for task, head in found.heads.items()}
    return Sample(batch.raw, {name: tensor.numpy() for name, tensor in tensors.items()}, labels)


def savedmodel_ways(folder: Path) -> list[Way]:
    """The SavedModel's ways of answering."""
    saved, tolerance = SavedModelArtefact(folder), TOLERANCES["savedmodel"]
    ways = [
        Way("SavedModel, raw", lambda part: saved.call(RAW, part.raw), tolerance),
        Way("SavedModel, tensors", lambda part: saved.call(TENSORS, part.tensors), tolerance),
    ]
    if saved.explains:
        ways.append(Way("SavedModel, explain", lambda part: saved.call(EXPLAIN, part.raw), tolerance, explains=True))
    return ways


def measure_parity(model: keras.Model, ways: Iterable[Way], sample: Sample, max_metric_drop: float) -> dict[str, Any]:
    """Compare every way of answering with the model.

    Args:
        model: made by `build_model`.
        ways: of answering.
        sample: real records.
        max_metric_drop: see `TFLiteOptions`.

    Returns:
        `records`, `tolerances`, `max_metric_drop`, and `rows`: for each way of answering and each set of modalities its
        largest difference, how many answers flipped, the metric of each task, for a quantized file how much worse that
        is, and whether it passed.

    Raises:
        ParityError: if a way that is not quantized differs by more than its tolerance.
    """
    found, ways = parts(model), list(ways)
    reference = _reference(model)
    explanation = _reference(contributions_model(model)) if any(way.explains for way in ways) else reference
    rows: list[dict[str, Any]] = []
    for name, part in {
        "all": sample,
        **{f"without {field}": sample.without(field) for field in found.optional},
    }.items():
        wanted = reference(part.tensors)
        told = explanation(part.tensors)
        rows.append({"way": "Keras", "records": name, "metrics": _metrics(found, wanted, part)})
        for way in ways:
            got = way.answer(part)
            row: dict[str, Any] = {
                "way": way.name,
                "records": name,
                **_compare(found, got, told if way.explains else wanted, part),
                "tolerance": way.tolerance,
            }
            if way.tolerance is not None:
                # A NaN is no number below a tolerance.
                row["passed"] = bool(row["largest_difference"] <= way.tolerance) and _few_flips(row, wanted)
            else:
                whole = part is sample
                drops = judged_drops(found, wanted, got, part.labels, max_metric_drop, whole=whole)
                row["metric_drops"], row["passed"] = drops
            rows.append(row)
    report = {"records": len(sample), "tolerances": TOLERANCES, "max_metric_drop": max_metric_drop, "rows": rows}
    _gate(report)
    return report


def _reference(model: keras.Model) -> Callable[[Mapping[str, Any]], Outputs]:
    ask = answers_of(model)
    return lambda inputs: {name: output.numpy() for name, output in ask(inputs).items()}


def _compare(found: Parts, got: Outputs, wanted: Outputs, sample: Sample) -> dict[str, Any]:
    """Differences in units of the task's own size, so that a regression's tolerance does not hang on its unit."""
    differences = {}
    for task in found.heads:
        size = max(1.0, float(np.max(np.abs(wanted[task]))))
        for name in {
            task,
            contributions_name(task),
            baseline_name(task),
            beside_name(task, "interval"),
        } & wanted.keys():
            differences[name] = float(np.max(np.abs(got[name] - wanted[name]))) / size
    if OOD_SCORE in wanted:
        size = max(1.0, float(np.max(np.abs(wanted[OOD_SCORE]))))
        differences[OOD_SCORE] = float(np.max(np.abs(got[OOD_SCORE] - wanted[OOD_SCORE]))) / size
    flips = {
        task: int(np.sum(np.argmax(got[task], -1) != np.argmax(wanted[task], -1)))
        for task in found.heads
        if wanted[task].shape[-1] > 1
    }
    masks = {name: int(np.sum(got[name] != values)) for name, values in wanted.items() if values.dtype == bool}
    return {
        "largest_difference": max(differences.values()),
        "differences": differences,
        "argmax_flips": flips,
        **({"mask_flips": masks} if masks else {}),
        "metrics": _metrics(found, got, sample),
    }


def _few_flips(row: Mapping[str, Any], wanted: Outputs) -> bool:
    """Whether sets and acceptance are those of the model, but for a score that lies on the limit itself."""
    return all(count <= MOST_FLIPS * wanted[name].size for name, count in row.get("mask_flips", {}).items())


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
    failed = [row for row in report["rows"] if not row.get("passed", True) and row["tolerance"] is not None]
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


def refused_ways(report: Mapping[str, Any]) -> dict[str, str]:
    """The quantized files that answer too much worse than the model: way to what is wrong with it."""
    refused: dict[str, str] = {}
    for row in report["rows"]:
        if not row.get("passed", True):
            task, facts = max(row["metric_drops"].items(), key=lambda item: item[1]["drop"])
            said = f"{task} {facts['metric']} is worse by {facts['drop']:.4f} (modalities: {row['records']})"
            refused.setdefault(row["way"], f"{said}; at most {report['max_metric_drop']:g} is allowed")
    return refused
