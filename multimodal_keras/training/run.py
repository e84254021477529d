"""A run: a trained model, its history, and the folder that holds both with everything needed to repeat it."""

from __future__ import annotations

import csv
import importlib
import importlib.metadata
import importlib.util
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from multimodal_keras import __version__

MODEL = "model.keras"
_PACKAGES = ("tensorflow", "keras", "numpy", "ai-edge-litert", "scikit-learn")


@dataclass(frozen=True)
class Run:
    """What `fit` returns.

    Attributes:
        model: with the weights of its best epoch.
        history: metric name to one value for each epoch.
        best_epoch: the epoch, counted from 1, whose weights the model has.
        folder: the run folder, or None.
        skipped: records that were left out: dicts of `file`, `row`, `field` and `reason`.
    """

    model: keras.Model
    history: dict[str, list[float]]
    best_epoch: int
    folder: Path | None
    skipped: list[dict[str, Any]]

    def __str__(self) -> str:
        best = {name: values[self.best_epoch - 1] for name, values in self.history.items()}
        figures = ", ".join(f"{name} {value:.4f}" for name, value in best.items())
        skipped = f"; {len(self.skipped)} records skipped" if self.skipped else ""
        return f"best epoch {self.best_epoch} of {len(self.history['loss'])}: {figures}{skipped}"


def write_run(run: Run, facts: Mapping[str, Any]) -> None:
    """Write a run's folder: `model.keras`, `run.json`, `history.csv`, `history.json`, `skipped.jsonl`,
    and `plots/learning_curves.png` if matplotlib is installed.

    Args:
        run: with a folder.
        facts: what else `run.json` holds: options and fingerprints of the records.
    """
    folder = run.folder
    if folder is None:
        return
    save_model(run.model, folder)
    write_json(folder / "run.json", {"best_epoch": run.best_epoch, "versions": versions(), **facts})
    write_json(folder / "history.json", run.history)
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", *run.history])
        rows.writerows([epoch, *values] for epoch, values in enumerate(zip(*run.history.values(), strict=True), 1))
    if importlib.util.find_spec("matplotlib") is not None:
        plots = folder / "plots"
        plots.mkdir(exist_ok=True)
        learning = importlib.import_module("multimodal_keras.evaluation.plots.numbers").learning
        (plots / "learning_curves.png").write_bytes(learning(run.history).png)
    lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in run.skipped]
    (folder / "skipped.jsonl").write_text("".join(lines), encoding="utf-8")


def save_model(model: keras.Model, folder: Path) -> None:
    """Write `model.keras` into a folder; a kill leaves the one that was there."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{MODEL}"
    model.save(beside)
    beside.replace(folder / MODEL)


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people to read."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def versions() -> dict[str, str]:
    """The versions of what made a run."""
    return {
        "multimodal_keras": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }
