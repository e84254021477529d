"""From the heads' answers to the numbers of a calibration."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from multimodal_keras.base import Head
from multimodal_keras.base.calibration import (
    LAC,
    Calibration,
    LabelCalibration,
    ValueCalibration,
    conformal_scores,
    scaled_probabilities,
)
from multimodal_keras.base.parts import layer_name
from multimodal_keras.calibrating.asking import Asked
from multimodal_keras.calibrating.conformal import (
    conformal_quantile,
    fewest_records,
    half_width,
    label_limits,
    widened,
)
from multimodal_keras.calibrating.options import CalibrationOptions
from multimodal_keras.calibrating.scaling import fit_scaling
from multimodal_keras.calibrating.thresholds import acceptance_thresholds
from multimodal_keras.runtime.signatures import OOD_SCORE

FLOAT32, UP, DOWN = "float32", math.inf, -math.inf
# Below it, a temperature is an accident.
_LEAST = 10

Row = dict[str, np.ndarray]


def fit_calibration(
    task: str, head: Head, asked: Asked, options: CalibrationOptions, stored: str = FLOAT32
) -> Calibration | None:
    """The calibration of one task.

    Args:
        task: its name.
        head: which answers it.
        asked: the answers to the calibration records.
        options: how.
        stored: the dtype in which the numbers will be kept, which rounds them: sets and intervals never get smaller by it.

    Returns:
        `Calibration`; None for a kind of head whose answers nothing is known about, or if there is nothing to add.

    Raises:
        ValueError: if there are too few records with a label.
    """
    if head.kind not in _FITS or not asked.labelled[task].any():
        return None
    fit, rows, records = _FITS[head.kind], [], []
    for outputs, usable in zip(asked.outputs, asked.usable, strict=True):
        kept = usable & asked.labelled[task]
        rows.append((outputs[task][kept], asked.truth[task][kept]))
        records.append(int(kept.sum()))
    _check_count(task, records[-1], options)
    # A combination that too few records have gets the most careful numbers of the others.
    enough = [count >= _fewest(options) for count in records]
    fitted = [fit(*row, options, stored) if is_enough else None for row, is_enough in zip(rows, enough, strict=True)]
    known = [row for row in fitted if row is not None]
    tables = {name: [row[name] if row else careful(name, known) for row in fitted] for name in known[0]}
    if not known[0]:
        return None
    common: dict[str, Any] = {
        "options": options.to_dict(),
        "numbers": tables,
        "records": [count if is_enough else 0 for count, is_enough in zip(records, enough, strict=True)],
        "name": layer_name(task, Calibration),
    }
    if head.kind == "regression":
        return ValueCalibration(**common)
    return LabelCalibration(single=head.kind == "classification", **common)


def fit_limits(asked: Asked, options: CalibrationOptions, stored: str = FLOAT32) -> tuple[list[list[float]], list[int]]:
    """The limits of familiar records, `(patterns, 1)`, and how many records each comes from.

    Raises:
        ValueError: if there are too few records.
    """
    limits, records = [], []
    for outputs, usable in zip(asked.outputs, asked.usable, strict=True):
        scores = outputs[OOD_SCORE][usable].ravel()
        limits.append(conformal_quantile(scores, options.ood or 0.0))
        records.append(len(scores) if math.isfinite(limits[-1]) else 0)
    known = [limit for limit in limits if math.isfinite(limit)]
    if not known:
        raise ValueError(
            f"ood={options.ood} needs {fewest_records(options.ood or 0.0)} calibration records. Received "
            f"{max(map(int, map(np.sum, asked.usable)))}. Lower it, or leave it out with ood=None (--ood none)."
        )
    chosen = [[widened(limit if math.isfinite(limit) else max(known))] for limit in limits]
    return rounded(chosen, stored, UP).tolist(), records


def careful(name: str, known: list[Row]) -> np.ndarray:
    """The most careful of some rows: the widest sets, the flattest probabilities, the least that is accepted."""
    rows = np.stack([row[name] for row in known])
    return {"slope": rows.min(axis=0), "offset": rows.mean(axis=0)}.get(name, rows.max(axis=0))


def rounded(values: Any, stored: str, direction: float | None = None) -> np.ndarray:
    """Values as a dtype holds them.

    Args:
        values: any numbers.
        stored: the dtype.
        direction: `UP` or `DOWN` to round that way only; None for the nearest.

    Returns:
        `float64`, of the same shape.
    """
    exact = np.asarray(values, "float64")
    near = exact.astype(stored)
    if direction is not None:
        beyond = near.astype("float64") < exact if direction > 0 else near.astype("float64") > exact
        near = np.where(beyond, np.nextafter(near, near.dtype.type(direction)), near)
    return near.astype("float64")


def _labels(predicted: np.ndarray, truth: np.ndarray, options: CalibrationOptions, stored: str) -> Row:
    single, labels = truth.ndim == 1, predicted.shape[1]
    slope, offset = (rounded(table, stored) for table in fit_scaling(predicted, truth, options.scaling))
    row = {"slope": slope, "offset": offset}
    if options.coverage is not None:
        scores = np.asarray(conformal_scores(predicted, options.to_dict() if single else {"sets": LAC}))
        limits = label_limits(scores, truth, options.coverage, options.by_class and single)
        row["limit"] = rounded(limits, stored, UP)
    if options.precision is not None or options.recall is not None:
        wide, moved = np.asarray(slope, "float32")[None], np.asarray(offset, "float32")[None]
        scaled = np.asarray(scaled_probabilities(predicted, wide, moved, single))
        # A little less than the record's own probability, however the graph rounds.
        thresholds = acceptance_thresholds(scaled, truth, options.precision, options.recall) - 1e-6
        row["threshold"] = rounded(thresholds, stored, DOWN)
    return {name: np.broadcast_to(table, (labels,)) if name in _WIDE else table for name, table in row.items()}


_WIDE = ("limit", "threshold")


def _value(predicted: np.ndarray, truth: np.ndarray, options: CalibrationOptions, stored: str) -> Row:
    if options.coverage is None:
        return {}
    return {"half_width": rounded([half_width(predicted, truth, options.coverage)], stored, UP)}


_FITS: dict[str, Callable[[np.ndarray, np.ndarray, CalibrationOptions, str], Row]] = {
    "classification": _labels,
    "multilabel": _labels,
    "regression": _value,
}


def _fewest(options: CalibrationOptions) -> int:
    return _LEAST if options.coverage is None else max(_LEAST, fewest_records(options.coverage))


def _check_count(task: str, count: int, options: CalibrationOptions) -> None:
    if count < _fewest(options):
        raise ValueError(
            f"A calibration with coverage={options.coverage} needs {_fewest(options)} labelled records with all modalities. "
            f"Received {count} for {task!r}. Add records, lower the coverage, or pass by_presence=False (--together)."
        )
