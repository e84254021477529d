"""Answers to metrics: of a task, and of every subset of modalities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from multimodal_keras.evaluation.answers import Answers, Collected
from multimodal_keras.evaluation.bootstrap import draw, intervals, percentiles
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
    drawn = {
        task: draw(scores, int(collected.answers[task].labelled.sum()), scores.headline, bootstrap, seed)
        for task, scores in scored.items()
    }
    table: dict[str, dict[str, Any]] = {}
    for subset in every:
        row: dict[str, Any] = {"fields": list(subset.fields), "reason": subset.reason}
        if subset.reason is None:
            row["nothing_present"] = nothing_present(subset, collected)
            row["tasks"] = {
                task: _headlines(scores, collected.answers[task], subset.name, bootstrap, seed, drawn[task])
                for task, scores in scored.items()
            }
        table[subset.name] = row
    return table


def nothing_present(subset: Subset, collected: Collected) -> int:
    """How many records have none of the fields of a subset. Required fields are always there."""
    if any(field not in collected.present for field in subset.fields):
        return 0
    return int(np.sum(~np.any([collected.present[field] for field in subset.fields], axis=0)))


def _headlines(
    scores: Scores, answers: Answers, name: str, bootstrap: int, seed: int, all_drawn: dict[str, np.ndarray]
) -> dict[str, Any]:
    kept = answers.labelled
    records = int(kept.sum())
    mine = type(scores)(answers.truth[kept], answers.by_subset[name][kept], scores.labels)
    everyone = np.ones(records)
    values, with_all = (each.resampled(everyone, mine.headline) for each in (mine, scores))
    drawn = draw(mine, records, mine.headline, bootstrap, seed)
    metrics: dict[str, dict[str, Any]] = {}
    for metric in mine.headline:
        metrics[metric] = _entry(values[metric], drawn[metric])
        if name != answers.full:
            # Equal seeds drew equal records for both, so the differences are paired.
            entry = _entry(values[metric] - with_all[metric], drawn[metric] - all_drawn[metric])
            outside = entry["low"] is not None and not entry["low"] <= 0.0 <= entry["high"]
            metrics[metric]["against_all"] = {**entry, "outside": outside}
    return {"records": records, "metrics": metrics}


def _entry(value: float, drawn: np.ndarray) -> dict[str, Any]:
    low, high, _ = percentiles(drawn)
    return {"value": None if np.isnan(value) else float(value), "low": low, "high": high}
