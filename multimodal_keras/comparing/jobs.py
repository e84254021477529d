"""What a process does: learn what all models share, train and export one of them, time all of them in turn."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from multimodal_keras.base import Head, Modality, parts
from multimodal_keras.comparing.latency import latencies
from multimodal_keras.comparing.plan import Job
from multimodal_keras.comparing.store import ADAPTED, CACHE, LATENCIES, PLAN, Answers, Store
from multimodal_keras.comparing.words import one_line
from multimodal_keras.data import Pipeline
from multimodal_keras.evaluation import Report, evaluate
from multimodal_keras.exporting import export
from multimodal_keras.registry import get
from multimodal_keras.spec import RunSpec, make_spec
from multimodal_keras.training import Run, fit, import_plugin, model_of, parts_of

SAMPLE = 64


class Jobs:
    """Does the tasks of one comparison. Called with a task, it returns what is to be told of it.

    Args:
        folder: of the comparison.
    """

    def __init__(self, folder: str | Path) -> None:
        self.store = Store(folder)
        self.spec = make_spec(self.store.read(PLAN)["run"])
        for plugin in self.spec.plugins:
            import_plugin(plugin)
        self.train, self.valid, self.test = parts_of(self.spec)
        self._first_weights: dict[int, dict[str, list[np.ndarray]]] = {}

    def __call__(self, task: dict[str, Any]) -> dict[str, Any]:
        """Do a task: `{"do": "prepare"}`, `{"do": "train", ...fields of Job}` or `{"do": "time", "stamps": {...}}`."""
        task = dict(task)
        ways: dict[str, Callable[..., dict[str, Any]]] = {
            "prepare": self.prepare,
            "train": self.train_one,
            "time": self.time_all,
        }
        return ways[task.pop("do")](**task)

    def prepare(self) -> dict[str, Any]:
        """Learn vocabulary, normalisation and labels once for all models, and decode all records once."""
        found = parts(model_of(self.spec, self.train))
        adapted = {
            kind: {name: _described(part) for name, part in components.items()}
            for kind, components in (("modalities", found.modalities), ("heads", found.heads))
        }
        for records in (self.train, self.valid, self.test):
            if records is not None:
                pipeline = Pipeline(records, found, cache=self._cache, on_error=self.spec.training.on_error)
                with pipeline.errors():
                    pipeline.dataset()
        self.store.write(ADAPTED, adapted)
        return {}

    def train_one(self, **fields: Any) -> dict[str, Any]:
        """Train, ask the test records, export if that is asked for, and keep the result."""
        job = Job(**fields)
        spec = self.spec_of(job.fusion, job.seed)
        model = self.model(spec)
        load, began, worked = _load(), time.perf_counter(), time.process_time()
        run = fit(model, self.train, self.valid, options=spec.training, verbose=0)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - worked
        report = self._report(model)
        result = {
            "name": job.name,
            "seed": job.seed,
            "parameters": model.count_params(),
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "load_before": load,
            "epochs": len(run.history["loss"]),
            "best_epoch": run.best_epoch,
            "tasks": {task: {**facts, "metric": _headline(report, task)} for task, facts in report.tasks.items()},
        }
        if job.export:
            result["export"] = self._export(model, job)
        self.store.keep(job, result, _answers(report))
        return {"said": _said(report, run, seconds)}

    def time_all(self, stamps: dict[str, int]) -> dict[str, Any]:
        """Time the exported models in turn; `stamps` are kept beside the times, to know what was timed."""
        folders = {name: self.store.exported(name) for name in stamps}
        modalities = {field: get(part, Modality) for field, part in self._adapted()["modalities"].items()}
        times = latencies(folders, modalities, self.test)  # type: ignore[arg-type]
        self.store.write(LATENCIES, {"load": _load(), "stamps": stamps, "seconds": times})
        return {}

    @property
    def _cache(self) -> str:
        return str(self.store.folder / CACHE)

    def _adapted(self) -> dict[str, Any]:
        return self.store.read(ADAPTED)

    def spec_of(self, fusion: Any, seed: int) -> RunSpec:
        """The run of one training: what all share was learned before, and records are decoded once."""
        training = dataclasses.replace(self.spec.training, seed=seed, cache=self._cache)
        return dataclasses.replace(self.spec, **self._adapted(), fusion=fusion, seed=seed, training=training)

    def model(self, spec: RunSpec) -> keras.Model:
        """A model whose encoders begin with the same weights whatever its fusion has drawn from the generator."""
        keras.utils.clear_session()
        if spec.seed not in self._first_weights:
            first = model_of(self.spec_of(RunSpec.fusion, spec.seed), self.train)
            self._first_weights[spec.seed] = {name: part.get_weights() for name, part in parts(first).encoders.items()}
            keras.utils.clear_session()
        model = model_of(spec, self.train)
        for name, encoder in parts(model).encoders.items():
            encoder.set_weights(self._first_weights[spec.seed][name])
        return model

    def _report(self, model: keras.Model) -> Report:
        pipeline = Pipeline(
            self.test,  # type: ignore[arg-type]
            model,
            batch_size=self.spec.training.batch_size,
            cache=self._cache,
            on_error=self.spec.training.on_error,
        )
        with pipeline.errors():
            return evaluate(model, pipeline.dataset(), bootstrap=0)

    def _export(self, model: keras.Model, job: Job) -> dict[str, Any]:
        folder = self.store.exported(job.name)
        try:
            written = export(model, folder, sample=self.test, sample_size=SAMPLE)  # type: ignore[arg-type]
        except Exception as error:  # the training is worth keeping whatever the converter says
            return {"error": one_line(error)}
        differences = [row["largest_difference"] for row in written.parity["rows"] if row.get("tolerance")]
        return {"bytes": written.sizes, "largest_difference": max(differences)}


def _described(part: Modality | Head) -> dict[str, Any]:
    described = keras.saving.serialize_keras_object(part)
    return {"class_name": type(part).__name__, "config": {**described["config"], "name": None}}


def _headline(report: Report, task: str) -> str | None:
    scores = report.scores.get(task)
    return None if scores is None else scores.headline[0]


def _answers(report: Report) -> Answers:
    arrays: Answers = {}
    for task, answers in report.predictions.items():
        arrays |= {f"{task}/truth": answers.truth, f"{task}/weights": answers.weights}
        arrays |= {f"{task}/from/{name}": predicted for name, predicted in answers.by_subset.items()}
        arrays[f"{task}/from"] = np.asarray(list(answers.by_subset))
    return arrays


def _said(report: Report, run: Run, seconds: float) -> str:
    found = [
        f"{task} {metric} {report.metrics[task][metric]['value']:.3f}"
        for task, metric in ((task, _headline(report, task)) for task in report.metrics)
        if metric is not None and report.metrics[task][metric]["value"] is not None
    ]
    return f"{', '.join(found)}; {len(run.history['loss'])} epochs, {seconds:.0f} s"


def _load() -> float | None:
    """How many processes wanted a core in the last minute; above the number of cores, times are those of a busy machine."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
