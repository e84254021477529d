"""Answers to metrics: of a task, and of every subset of modalities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from multimodal_keras.evaluation.answers import Answers, Collected
from multimodal_keras.evaluation.bootstrap import intervals, paired_difference
from multimodal_keras.evaluation.scores import Scores
from multimodal_keras.evaluation.subsets import Subset


def task_metrics(scores: Scores, records: int, bootstrap: int, seed: int) -> dict[str, dict[str, Any]]:
    """Every metric of a task.

    Args:
        scores: of the labelled records.
        records: how many they are.
        bootstrap: how many resamples; 0 for no intervals.
        seed: of the resamples.

    Returns:
        Metric to `value`, `low` and `high` (None where not defined), and a `reason` where one of them is None.
    """
    values = scores.values()
    names = [name for name in scores.with_interval if not isinstance(values[name], str)]
    around = intervals(scores, records, names, bootstrap, seed) if bootstrap else {}
    table = {}
    for name, value in values.items():
        low, high, reason = around.get(name, (None, None, None))
        entry: dict[str, Any] = {"value": None if isinstance(value, str) else float(value), "low": low, "high": high}
        reason = f"not defined: {value}" if isinstance(value, str) else reason
        table[name] = {**entry, "reason": reason} if reason else entry
    return table


def subset_rows(
    every: Iterable[Subset], collected: Collected, scored: dict[str, Scores], bootstrap: int, seed: int
) -> dict[str, dict[str, Any]]:
    """The headline metrics of each task from every subset of modalities.

    Args:
        every: all subsets.
        collected: the answers.
        scored: task to the scores of all modalities.
        bootstrap: how many resamples; 0 for no intervals.
        seed: of the resamples; all subsets are resampled alike.

    Returns:
        Subset name to `fields`, `reason` (None if defined), and if so `nothing_present` (how many records have none of
        these fields) and `tasks`: task to `records` and `metrics`.
    """
    table: dict[str, dict[str, Any]] = {}
    for subset in every:
        row: dict[str, Any] = {"fields": list(subset.fields), "reason": subset.reason}
        if subset.reason is None:
            row["nothing_present"] = nothing_present(subset, collected)
            row["tasks"] = {
                task: _headlines(scores, collected.answers[task], subset.name, bootstrap, seed)
                for task, scores in scored.items()
            }
        table[subset.name] = row
    return table


def nothing_present(subset: Subset, collected: Collected) -> int:
    """How many records have none of the fields of a subset. Required fields are always there."""
    if any(field not in collected.present for field in subset.fields):
        return 0
    return int(np.sum(~np.any([collected.present[field] for field in subset.fields], axis=0)))


def _headlines(scores: Scores, answers: Answers, name: str, bootstrap: int, seed: int) -> dict[str, Any]:
    kept = answers.labelled
    records = int(kept.sum())
    mine = type(scores)(answers.truth[kept], answers.by_subset[name][kept], scores.labels)
    values = mine.resampled(np.ones(records), mine.headline)
    around = intervals(mine, records, mine.headline, bootstrap, seed) if bootstrap else {}
    metrics: dict[str, dict[str, Any]] = {}
    for metric in mine.headline:
        low, high, _ = around.get(metric, (None, None, None))
        value = None if np.isnan(values[metric]) else values[metric]
        metrics[metric] = {"value": value, "low": low, "high": high}
        if name != answers.full and bootstrap and value is not None:
            metrics[metric]["against_all"] = _against_all(metric, scores.kind, answers, name, bootstrap, seed)
    return {"records": records, "metrics": metrics}


def _against_all(metric: str, kind: str, answers: Answers, name: str, bootstrap: int, seed: int) -> dict[str, Any]:
    """This subset minus all modalities, on the same records."""
    found = paired_difference(
        metric,
        answers.truth,
        answers.by_subset[name],
        answers.predicted,
        answers.weights,
        kind=kind,
        bootstrap=bootstrap,
        seed=seed,
    )
    return {"value": found.value, "low": found.low, "high": found.high, "outside": found.outside}
