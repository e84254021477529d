"""Finished trainings to rows: means over seeds, and differences that are paired by record and seed."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimodal_keras.comparing.plan import Job, Plan
from multimodal_keras.comparing.result import Comparison, Row, TaskScore
from multimodal_keras.comparing.store import LATENCIES, Answers, Store
from multimodal_keras.evaluation.bootstrap import draw, percentiles
from multimodal_keras.evaluation.kinds import KINDS, scores_for
from multimodal_keras.spec import RunSpec

SEED = 0


@dataclass(frozen=True)
class Drawn:
    """One task of one fusion, seed by seed.

    Attributes:
        values: seed to the metric over the labelled test records.
        draws: seed to the metric over resampled records, `float64 (bootstrap,)`; equal places drew equal records.
        subsets: a subset of modalities to the metric of each seed.
    """

    values: dict[int, float]
    draws: dict[int, np.ndarray]
    subsets: dict[str, list[float]]


def summarize(
    store: Store, plan: Plan, errors: Mapping[str, str], reference: str | None = None, bootstrap: int = 1000
) -> Comparison:
    """Read what is finished, and compute the rows.

    Args:
        store: of the comparison.
        plan: what was asked for.
        errors: name of a fusion to what went wrong with one of its trainings.
        reference: the fusion to compare the others with; if left out `build_model`'s own, or else the best one.
        bootstrap: how many resamples; 0 for no intervals.

    Raises:
        ValueError: for a reference that has no finished training.
    """
    finished: dict[str, list[tuple[Job, dict[str, Any]]]] = {name: [] for name in plan.fusions}
    for job in plan.jobs():
        result = store.result(job)
        if result is not None:
            finished[job.name].append((job, result))
    tasks = _tasks(finished)
    drawn = {
        name: {task: _drawn(store, task, facts, jobs, bootstrap) for task, facts in tasks.items()}
        for name, jobs in finished.items()
        if jobs
    }
    chosen = _reference(reference, drawn, tasks)
    timed = (store.read(LATENCIES) if plan.export else None) or {"seconds": {}}
    times = timed["seconds"]
    rows = [
        _row(name, jobs, {task: score(each, drawn[chosen][task] if name != chosen else None, bootstrap)
                          for task, each in drawn.get(name, {}).items()}, times.get(name, {}), errors.get(name))
        for name, jobs in finished.items()
    ]  # fmt: skip
    known = {task: {name: facts[name] for name in ("kind", "metric", "lower_is_better", "records")}
             for task, facts in tasks.items()}  # fmt: skip
    settings = {**plan.facts, "bootstrap": bootstrap}
    settings.pop("plugins")
    loads = [result["load_before"] for jobs in finished.values() for _, result in jobs]
    found = Comparison(
        rows, known, list(plan.seeds), chosen, settings, _machine(loads, timed.get("load")), store.folder
    )
    return dataclasses.replace(found, rows=found.sorted_by(next(iter(known)))) if known else found


def score(mine: Drawn, rival: Drawn | None, bootstrap: int) -> TaskScore:
    """Mean over seeds with its interval, and the paired difference to a rival over the seeds that both have."""
    value, low, high = _mean(mine.values, mine.draws, bootstrap)
    against = None
    if rival is not None and (shared := [seed for seed in mine.values if seed in rival.values]):
        difference, least, most = _mean(
            {seed: mine.values[seed] - rival.values[seed] for seed in shared},
            {seed: mine.draws[seed] - rival.draws[seed] for seed in shared},
            bootstrap,
        )
        outside = least is not None and most is not None and not least <= 0.0 <= most
        against = {"value": difference, "low": least, "high": most, "outside": outside}
    subsets = {name: float(np.mean(values)) for name, values in mine.subsets.items()}
    return TaskScore(value, low, high, list(mine.values.values()), subsets, against)


def _mean(
    values: Mapping[int, float], draws: Mapping[int, np.ndarray], bootstrap: int
) -> tuple[float, float | None, float | None]:
    """The mean over seeds; in each resample seeds are drawn again, as records are."""
    drawn = np.stack(list(draws.values()))
    low = high = None
    if drawn.shape[1]:
        seeds = np.random.default_rng(SEED).integers(len(drawn), size=(bootstrap, len(drawn)))
        low, high, _ = percentiles(drawn[seeds, np.arange(bootstrap)[:, np.newaxis]].mean(axis=1))
    return float(np.mean(list(values.values()))), low, high


def _tasks(finished: Mapping[str, list[tuple[Job, dict[str, Any]]]]) -> dict[str, dict[str, Any]]:
    """Task to `kind`, `metric`, `lower_is_better`, `records` and `labels`, of those that have a metric."""
    facts: dict[str, Any] = next((result["tasks"] for jobs in finished.values() for _, result in jobs), {})
    return {
        task: {
            "kind": each["kind"],
            "metric": each["metric"],
            "lower_is_better": each["metric"] in KINDS[each["kind"]].lower_is_better,
            "records": each["labelled"],
            "labels": each.get("labels") or (),
        }
        for task, each in facts.items()
        if each["metric"] is not None
    }


def _drawn(
    store: Store, task: str, facts: Mapping[str, Any], jobs: Iterable[tuple[Job, dict[str, Any]]], bootstrap: int
) -> Drawn:
    values: dict[int, float] = {}
    draws: dict[int, np.ndarray] = {}
    subsets: dict[str, list[float]] = {}
    for job, _ in jobs:
        answers = store.answers(job)
        names = [str(name) for name in answers[f"{task}/from"]]
        for name in names:
            subsets.setdefault(name, []).append(_metric(answers, task, facts, name, 0)[0])
        values[job.seed], draws[job.seed] = _metric(answers, task, facts, names[-1], bootstrap)
    return Drawn(values, draws, subsets)


def _metric(
    answers: Answers, task: str, facts: Mapping[str, Any], subset: str, bootstrap: int
) -> tuple[float, np.ndarray]:
    kept = answers[f"{task}/weights"] > 0
    scores = scores_for(facts["kind"])(
        answers[f"{task}/truth"][kept], answers[f"{task}/from/{subset}"][kept], facts["labels"]
    )
    count, metric = int(kept.sum()), facts["metric"]
    return scores.resampled(np.ones(count), [metric])[metric], draw(scores, count, [metric], bootstrap, SEED)[metric]


def _reference(wished: str | None, drawn: Mapping[str, dict[str, Drawn]], tasks: Mapping[str, dict[str, Any]]) -> str:
    if wished is not None and wished not in drawn and drawn:
        raise ValueError(
            f"The reference is a fusion with a finished training. Received {wished!r}. Known: {', '.join(drawn)}."
        )
    if wished is not None or not drawn:
        return wished or ""
    if RunSpec.fusion in drawn:
        return str(RunSpec.fusion)
    task, facts = next(iter(tasks.items()))
    sign = -1 if facts["lower_is_better"] else 1
    return max(drawn, key=lambda name: sign * float(np.mean(list(drawn[name][task].values.values()))))


def _row(
    name: str,
    jobs: list[tuple[Job, dict[str, Any]]],
    tasks: dict[str, TaskScore],
    times: Mapping[str, float],
    error: str | None,
) -> Row:
    results = [result for _, result in jobs]
    if not results:
        return Row(name, error=error)
    exported: dict[str, Any] = next((result["export"] for result in results if "export" in result), {})
    sizes = exported.get("bytes", {})
    means = {field: float(np.mean([result[field] for result in results])) for field in ("seconds", "cpu_seconds")}
    return Row(
        name=name,
        seeds=[job.seed for job, _ in jobs],
        tasks=tasks,
        parameters=results[0]["parameters"],
        **means,
        epochs=float(np.mean([result["epochs"] for result in results])),
        savedmodel_seconds=times.get("savedmodel"),
        tflite_seconds=times.get("tflite"),
        savedmodel_bytes=sizes.get("savedmodel"),
        tflite_bytes=next((size for part, size in sizes.items() if part.endswith(".tflite")), None),
        largest_difference=exported.get("largest_difference"),
        error=error or exported.get("error"),
    )


def _machine(loads: Iterable[float | None], timing: float | None) -> dict[str, Any]:
    found = [load for load in loads if load is not None]
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load": [min(found), max(found)] if found else None,
        "load_of_timing": timing,
    }
