"""Whether a calibrated model keeps its promises: coverage and size of its sets, and how good accepted answers are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from multimodal_keras.base import Parts
from multimodal_keras.base.calibration import ACCEPTED, INTERVAL, SET, Calibration
from multimodal_keras.calibrating.conformal import coverage_interval
from multimodal_keras.evaluation.answers import Answers, Collected
from multimodal_keras.evaluation.subsets import Subset

Row = dict[str, Any]


def promise_rows(found: Parts, collected: Collected, subsets: Iterable[Subset]) -> dict[str, dict[str, Row]]:
    """For each calibrated task and each subset of modalities what was promised, and what came of it.

    Only records that have all modalities of a subset count: what was promised for a subset is about these.

    Args:
        found: the components of the model.
        collected: its answers.
        subsets: those that were asked for.

    Returns:
        Task to subset name to a row: `records`; of sets and intervals `promised` (None where too few records were there to
        calibrate on), `coverage`, `low` and `high` (where the coverage lies in 95 of 100 cases if the promise holds),
        `kept` (whether it does), `size` (mean number of labels, or width) and `empty` (the share of sets without a
        label); of acceptance `accepted` (a share) and `right` (the share of accepted answers that are right, None for none).
    """
    rows: dict[str, dict[str, Row]] = {}
    for task, calibration in found.calibrations.items():
        answers = collected.answers[task]
        rows[task] = {}
        for subset in subsets:
            kept = answers.labelled & _complete(subset, collected.present, answers)
            if kept.any():
                rows[task][subset.name] = _row(calibration, answers, subset, kept, _number(subset, found))
    return {task: table for task, table in rows.items() if table and any(len(row) > 1 for row in table.values())}


def unusual_shares(collected: Collected) -> dict[str, float]:
    """Subset name to the share of records that are called unusual."""
    return {name: float(np.mean(scores > 0)) for name, scores in collected.unusual.items()}


def _complete(subset: Subset, present: Mapping[str, np.ndarray], answers: Answers) -> np.ndarray:
    has = np.ones(len(answers.weights), bool)
    for field in subset.fields:
        has &= present.get(field, has)
    return has


def _number(subset: Subset, found: Parts) -> int:
    """The row of a calibration's tables that a subset is answered by."""
    return sum(2**bit for bit, field in enumerate(sorted(found.optional)) if field in subset.fields)


def _row(calibration: Calibration, answers: Answers, subset: Subset, kept: np.ndarray, number: int) -> Row:
    truth, beside = answers.truth[kept], {kind: by[subset.name][kept] for kind, by in answers.beside.items()}
    row: Row = {"records": int(kept.sum())}
    fitted = calibration.records[number if len(calibration.records) > 1 else 0]
    if SET in beside:
        row |= _coverage(calibration, fitted, covered_by_set(beside[SET], truth))
        row |= {"size": float(beside[SET].sum(axis=1).mean()), "empty": float(np.mean(~beside[SET].any(axis=1)))}
    if INTERVAL in beside:
        low, high = beside[INTERVAL].T
        value = truth.reshape(-1)
        row |= _coverage(calibration, fitted, (low <= value) & (value <= high))
        row |= {"size": float(np.mean(high - low)), "empty": 0.0}
    if ACCEPTED in beside:
        row |= _acceptance(beside[ACCEPTED], answers.by_subset[subset.name][kept], truth)
    return row


def covered_by_set(chosen: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether each record's set holds all that is true.

    Args:
        chosen: `bool (records, labels)`.
        truth: the index of the right label `int (records,)`, or which labels are right, `(records, labels)`.

    Returns:
        `bool (records,)`.
    """
    if truth.ndim == 1:
        return chosen[np.arange(len(truth)), truth]
    return np.all(chosen | (truth <= 0.5), axis=1)


def _coverage(calibration: Calibration, fitted: int, covered: np.ndarray) -> Row:
    promised, found = float(calibration.options["coverage"]), float(covered.mean())
    if not fitted:
        return {"promised": None, "coverage": found, "low": None, "high": None, "kept": None}
    low, high = coverage_interval(promised, fitted, len(covered))
    # By class, each label's limit is rounded up by itself: more than was promised is no broken promise.
    kept = low <= found and (found <= high or bool(calibration.options["by_class"]))
    return {"promised": promised, "coverage": found, "low": low, "high": high, "kept": kept}


def _acceptance(accepted: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> Row:
    """Of a single label its answers, of several each label that is accepted."""
    right = predicted.argmax(axis=1) == truth if truth.ndim == 1 else truth > 0.5
    return {"accepted": float(accepted.mean()), "right": float(right[accepted].mean()) if accepted.any() else None}
