"""The TFLite files of an export: one for each quantization, with what each costs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from multimodal_keras.base import parts
from multimodal_keras.base.contributions import contributions_model
from multimodal_keras.calibrating import is_calibrated, raw_model, recalibrate
from multimodal_keras.data import Pipeline, Records
from multimodal_keras.data.pipeline import MEMORY
from multimodal_keras.encoders import LSTMEncoder
from multimodal_keras.encoders.lowering import FUSED
from multimodal_keras.exporting.alone import run_alone, save_examples
from multimodal_keras.exporting.contract import explained
from multimodal_keras.exporting.metadata import packed
from multimodal_keras.exporting.options import QUANTIZATIONS, TFLiteOptions
from multimodal_keras.exporting.parity import FLOAT32, TOLERANCES, Sample, Way, draw_sample
from multimodal_keras.exporting.split import WHOLE, Part, file_name, in_turn, part_examples, split_model, whole_model
from multimodal_keras.exporting.tflite import Examples, write_tflite
from multimodal_keras.runtime.artefacts import TFLiteArtefact
from multimodal_keras.runtime.signatures import EXPLAIN

# Enough records for the times of answers; more would only fill the memory that is measured.
_TIMED_RECORDS = 16
_COST = "device_cost.py"


@dataclass(frozen=True)
class DeviceFile:
    """One TFLite file of an export.

    Attributes:
        name: relative to the export's folder, such as `model.int8.tflite`.
        part: `model`, or the name of a part of it.
        quantize: see `TFLiteOptions`.
        facts: what its contract says under `tflite`.
    """

    name: str
    part: str
    quantize: str
    facts: dict[str, Any]

    @property
    def way(self) -> str:
        """Its name in the parity report."""
        return way_name(self.quantize, self.part != WHOLE)

    @property
    def explaining_way(self) -> str:
        """The name of its signature `explain` there."""
        return f"{self.way} {EXPLAIN}"


def write_device_files(
    model: keras.Model, folder: Path, options: TFLiteOptions, calibration: Records, refit: Records | None = None
) -> list[DeviceFile]:
    """Write the files that are wished, each with its contract inside.

    Args:
        model: made by `build_model`.
        folder: where to.
        options: what is wished.
        calibration: records to measure the ranges of int8 on.
        refit: labelled records that a calibrated model's numbers are fitted to again in each quantized file; None to leave
            them as they are.

    Returns:
        The files, the most exact quantization first.

    Raises:
        ValueError: if an op has no built-in counterpart, or cannot be quantized.
    """
    made = split_model(model) if options.split else []
    examples: dict[str, dict[str, np.ndarray]] = {}
    if "int8" in options.quantize:
        tensors = calibration_examples(model, calibration, options.calibration_size)
        examples = {WHOLE: tensors, **part_examples(made, tensors)}
    files = []
    # Read and decoded once for all files.
    answered = None if refit is None else Pipeline(refit, model, batch_size=64, cache=MEMORY)
    for quantize in sorted(set(options.quantize), key=QUANTIZATIONS.index):
        own = model
        if answered is not None and quantize != FLOAT32 and is_calibrated(model):
            own = refitted(model, quantize, options, examples.get(WHOLE), answered)
            made = split_model(own) if options.split else []
        whole = explained_model(own) if options.explain else whole_model(own)
        for part in (whole, *made):
            files.append(_write(part, folder, quantize, options, examples.get(part.name)))
    return files


def refitted(
    model: keras.Model, quantize: str, options: TFLiteOptions, examples: Examples | None, records: Pipeline
) -> keras.Model:
    """A calibrated model with the numbers that fit its quantized network.

    The network is converted without its calibration first, and asked for the heads' own answers to the records. What is
    written in the end is the same network with the new numbers, which stay in float32.
    """
    plain = replace(options, integer_outputs=False, explain=False)
    with tempfile.TemporaryDirectory() as folder:
        file = _write(whole_model(raw_model(model)), Path(folder), quantize, plain, examples)
        with TFLiteArtefact(Path(folder, file.name)) as lite:
            return recalibrate(model, lite.call, records, stored="float16" if quantize == "float16" else FLOAT32)


def explained_model(model: keras.Model) -> Part:
    """The model as one part that can also tell contributions."""
    part, told = whole_model(model), contributions_model(model)
    outputs = explained(parts(model), part.facts["tflite"]["outputs"])
    facts = part.facts["tflite"] | {EXPLAIN: {"signature": EXPLAIN, "outputs": outputs}}
    return replace(part, facts=part.facts | {"tflite": facts}, explain=lambda inputs: told(inputs, training=False))


def _write(part: Part, folder: Path, quantize: str, options: TFLiteOptions, examples: Examples | None) -> DeviceFile:
    name, lstm = file_name(part.name, quantize), options.lowering(quantize)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    write_tflite(
        part.model,
        path,
        endpoint=part.endpoint,
        explain=None if part.explain is None else (part.explain, part.endpoint[1]),
        quantize=quantize,
        lstm=lstm,
        examples=examples,
        # The tokens between parts stay as exact as they are.
        integer_outputs=options.integer_outputs and quantize == "int8" and bool(part.facts["tasks"]),
    )
    facts = _with_scales(part.facts["tflite"] | {"quantize": quantize} | _recurrence(part.model, lstm), path)
    path.write_bytes(packed(path.read_bytes(), part.facts | {"tflite": facts}))
    return DeviceFile(name, part.name, quantize, facts)


def _recurrence(model: keras.Model, lstm: str) -> dict[str, Any]:
    if not any(isinstance(layer, LSTMEncoder) for layer in model.layers):
        return {}
    if lstm != FUSED:
        return {"lstm": lstm}
    warning = "keeps its state between calls: call reset_all_variables (resetVariableTensors) before each record"
    return {"lstm": lstm, "stateful": True, "warning": warning}


def _with_scales(facts: dict[str, Any], path: Path) -> dict[str, Any]:
    """The contract of a file, with scale and zero point of each output that is an integer."""
    if EXPLAIN in facts:
        facts = facts | {EXPLAIN: _with_scales(facts[EXPLAIN], path)}
    found = Interpreter(str(path)).get_signature_runner(facts["signature"]).get_output_details()
    outputs = {}
    for name, output in facts["outputs"].items():
        dtype = np.dtype(found[name]["dtype"]).name
        outputs[name] = {**output, "dtype": dtype}
        if dtype == "int8":
            scale, zero_point = found[name]["quantization"]
            outputs[name]["quantization"] = {"scale": float(scale), "zero_point": int(zero_point)}
    return {**facts, "outputs": outputs}


def calibration_examples(model: keras.Model, records: Records, count: int) -> dict[str, np.ndarray]:
    """The inputs of about `count` records, drawn evenly over the labels of the first task that has labels."""
    heads = parts(model).heads
    task = next((task for task, head in heads.items() if "labels" in head.contract()), None)
    chosen = records if task is None else Records.of(_evenly(records, task, count), folder=records.folder)
    return draw_sample(model, chosen, count).tensors


def _evenly(records: Records, task: str, count: int) -> list[dict[str, Any]]:
    """One record of each label after the other, in the order in which they come, until there are enough."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        group = groups.setdefault(str(record.get(task)), [])
        if len(group) < count:
            group.append(record)
    turns = [[group[turn] for group in groups.values() if turn < len(group)] for turn in range(count)]
    return [record for turn in turns for record in turn][:count]


def device_ways(folder: Path, files: Iterable[DeviceFile]) -> list[Way]:
    """How the whole file and the parts of each quantization answer, for the parity report."""
    groups: dict[tuple[str, bool], list[Path]] = {}
    told = []
    for file in files:
        groups.setdefault((file.quantize, file.part != WHOLE), []).append(folder / file.name)
        if EXPLAIN in file.facts:
            told.append(_explaining_way(file, folder))
    return [*(_way(quantize, in_parts, paths) for (quantize, in_parts), paths in groups.items()), *told]


def _explaining_way(file: DeviceFile, folder: Path) -> Way:
    lite = TFLiteArtefact(folder / file.name)
    return Way(
        file.explaining_way,
        lambda sample: lite.call(sample.tensors, explain=True),
        _tolerance(file.quantize),
        explains=True,
    )


def _tolerance(quantize: str) -> float | None:
    return TOLERANCES["tflite"] if quantize == FLOAT32 else None


def _way(quantize: str, in_parts: bool, paths: list[Path]) -> Way:
    lites = [TFLiteArtefact(path) for path in paths]
    return Way(way_name(quantize, in_parts), lambda sample: in_turn(lites, sample.tensors), _tolerance(quantize))


def way_name(quantize: str, in_parts: bool = False) -> str:
    """`TFLite`, `TFLite int8`, `TFLite int8 in parts`."""
    return f"TFLite{'' if quantize == FLOAT32 else f' {quantize}'}{' in parts' if in_parts else ''}"


def file_costs(folder: Path, files: Iterable[DeviceFile], sample: Sample) -> dict[str, dict[str, Any]]:
    """What each file costs.

    Returns:
        File name to `quantize`, `bytes`, and for whole models the milliseconds of an answer with one and two threads and the
        megabytes of a fresh process that runs nothing else; the same under `explain` for that signature.
    """
    costs = {}
    with tempfile.TemporaryDirectory() as beside:
        examples = Path(beside, "examples.npz")
        save_examples(examples, {name: values[:_TIMED_RECORDS] for name, values in sample.tensors.items()})
        for file in files:
            path = folder / file.name
            costs[file.name] = {"quantize": file.quantize, "bytes": path.stat().st_size}
            if file.part == WHOLE:
                costs[file.name] |= json.loads(run_alone(_COST, path, examples))
            if EXPLAIN in file.facts:
                costs[file.name][EXPLAIN] = json.loads(run_alone(_COST, path, examples, "--signature", EXPLAIN))
    return costs
