"""`multimodal-keras calibrate`."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import shutil
from pathlib import Path
from typing import Any

import keras

from multimodal_keras.calibrating import CalibrationOptions, calibrate
from multimodal_keras.calibrating.options import calibration_options
from multimodal_keras.cli.loading import load_run
from multimodal_keras.cli.records import CALIBRATION_FILE, RUN_FILE, test_records, valid_records
from multimodal_keras.data import Records, read
from multimodal_keras.evaluation import Report, evaluate
from multimodal_keras.training.run import save_model, write_json

_KEPT = (RUN_FILE, "history.json")


def run(options: argparse.Namespace) -> None:
    """Calibrate a run, write it as a run of its own, and print what came of it on test records."""
    wished = _wished(options)
    calibration_options(wished)
    model = load_run(options.run)
    records = read(options.data) if options.data else valid_records(options.run)
    test = read(options.test) if options.test else test_records(options.run)
    calibrated = calibrate(model, records, **wished)
    output = Path(options.output or Path(options.run, "calibrated"))
    _write(Path(options.run), output, calibrated, {"data": _absolute(options.data), "options": wished})
    reports = {"before": _report(model, test), "after": _report(calibrated, test)}
    print("\n".join([*_errors(reports), "", str(reports["after"])]))
    if importlib.util.find_spec("matplotlib") is not None:
        print(_plots(output / "plots", reports))
    print(output)


def _wished(options: argparse.Namespace) -> dict[str, Any]:
    """What was said on the command line."""
    known = {field.name for field in dataclasses.fields(CalibrationOptions)}
    return {name: value for name, value in vars(options).items() if name in known}


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).resolve())


def _write(run_folder: Path, output: Path, model: keras.Model, facts: dict[str, Any]) -> None:
    save_model(model, output)
    for name in _KEPT:
        if (run_folder / name).exists() and run_folder.resolve() != output.resolve():
            shutil.copy(run_folder / name, output / name)
    write_json(output / CALIBRATION_FILE, facts)


def _report(model: keras.Model, test: Records) -> Report:
    return evaluate(model, test, bootstrap=0)


def _errors(reports: dict[str, Report]) -> list[str]:
    """How far probabilities and truth lie apart, before and after."""
    lines = [f"{'test records':32}{'metric':32}{'before':>9}{'after':>9}"]
    for task, metrics in reports["before"].metrics.items():
        for name in ("expected_calibration_error", "adaptive_calibration_error", "log_loss"):
            if name in metrics:
                values = [report.metrics[task][name]["value"] for report in reports.values()]
                lines.append(f"{task:32}{name.replace('_', ' '):32}" + "".join(f"{value:9.4f}" for value in values))
    return lines


def _plots(folder: Path, reports: dict[str, Report]) -> Path:
    """Reliability diagrams, before and after."""
    reliability = importlib.import_module("multimodal_keras.evaluation.plots.labels").reliability
    folder.mkdir(exist_ok=True)
    for when, report in reports.items():
        for task, scores in report.scores.items():
            if scores.labels:
                (folder / f"{task}_reliability_{when}.png").write_bytes(reliability(task, scores).png)
    return folder
