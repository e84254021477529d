"""What the scores of every kind of task have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

Value = float | str
"""A metric: its value, or the reason why it is not defined."""


class Scores:
    """The metrics of one task over labelled records. A subclass serves one `kind` of head.

    Args:
        truth: targets, as the head encodes them, `(records, ...)`.
        predicted: what the head answered, `(records, outputs)`.
        labels: the names of the outputs; empty for a number.

    Attributes:
        kind: the `kind` of the heads that it serves.
        headline: the metrics that are given for every subset of modalities.
        with_interval: the metrics that get a bootstrap interval.
        lower_is_better: the metrics that are errors.
    """

    kind: ClassVar[str]
    headline: ClassVar[tuple[str, ...]]
    with_interval: ClassVar[tuple[str, ...]]
    lower_is_better: ClassVar[tuple[str, ...]] = ()

    def __init__(self, truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str] = ()) -> None:
        if len(truth) != len(predicted):
            raise ValueError(
                f"Every record has one target and one prediction. Received {len(truth)} targets and {len(predicted)} "
                "predictions. Pass arrays of the same records."
            )
        wrong = int(np.sum(~np.isfinite(predicted).reshape(len(predicted), -1).all(axis=1)))
        if wrong:
            raise ValueError(
                f"Predictions are finite numbers. Received NaN or infinity for {wrong} of {len(predicted)} records. "
                "The training diverged: lower the learning rate and train again."
            )
        self.labels = tuple(labels)

    def values(self) -> dict[str, Value]:
        """Every metric, or the reason why it is not defined."""
        raise NotImplementedError

    def resampled(self, counts: np.ndarray, names: Sequence[str]) -> dict[str, float]:
        """Some metrics with each record counted several times.

        Args:
            counts: how often each record counts, `float64 (records,)`.
            names: some of `with_interval`.

        Returns:
            At least the metrics asked for; NaN for one that is not defined.
        """
        raise NotImplementedError

    def losses(self) -> np.ndarray:
        """How bad each answer is, `float64 (records,)`; the gallery of mistakes is sorted by it."""
        raise NotImplementedError

    def per_class(self) -> dict[str, dict[str, Any]]:
        """Label to metrics of this label alone; None where one is not defined. Empty for a number."""
        return {}


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """A quotient that is 0 where the divisor is 0."""
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) > 0)


def mean_or_nan(values: np.ndarray) -> float:
    """The mean of those that are not NaN, or NaN without a warning."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else float("nan")


def counted(right: np.ndarray, wrong: np.ndarray, missed: np.ndarray) -> dict[str, float]:
    """Micro and macro precision, recall and F1 from counts per label.

    Macro averages go over the labels that occur in the truth or among the predictions; a label that is never predicted
    counts there with precision 0.

    Args:
        right: true positives, `(labels,)`.
        wrong: false positives.
        missed: false negatives.

    Returns:
        Six metrics; NaN where one is not defined.
    """
    seen = right + wrong + missed > 0
    parts = {
        "precision": (right, right + wrong),
        "recall": (right, right + missed),
        "f1": (2 * right, 2 * right + wrong + missed),
    }
    metrics = {}
    for name, (above, below) in parts.items():
        metrics[f"micro_{name}"] = float(above.sum() / below.sum()) if below.sum() else float("nan")
        metrics[f"macro_{name}"] = float(ratio(above, below)[seen].mean()) if seen.any() else float("nan")
    return metrics
