"""How far a number could have been off with other records: percentile intervals over resampled records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimodal_keras.evaluation.kinds import scores_for
from multimodal_keras.evaluation.scores import Scores

CONFIDENCE = 0.95
# Sorting-based metrics take about a second for 20,000 probabilities and 1,000 resamples.
MOST_PROBABILITIES = 250_000
_RANKED = ("roc_auc", "average_precision")

Interval = tuple[float | None, float | None, str | None]
"""`(low, high, None)`, or `(None, None, reason)`."""


@dataclass(frozen=True)
class Difference:
    """How much a metric differs between two models on the same records.

    Attributes:
        value: first minus second.
        low: the lower end of the interval; None if there are too few records.
        high: the upper end.
        records: how many records were compared.
    """

    value: float
    low: float | None
    high: float | None
    records: int

    @property
    def outside(self) -> bool:
        """Whether 0 lies outside the interval: the difference is more than the choice of records explains."""
        return self.low is not None and self.high is not None and not self.low <= 0.0 <= self.high


def resamples(records: int, bootstrap: int, seed: int) -> Iterator[np.ndarray]:
    """Draw records with replacement.

    Args:
        records: how many there are; as many are drawn.
        bootstrap: how many times.
        seed: equal seeds draw equal records, so that differences can be paired.

    Yields:
        How often each record was drawn, `float64 (records,)`.
    """
    random = np.random.default_rng(seed)
    for _ in range(bootstrap):
        yield np.bincount(random.integers(records, size=records), minlength=records).astype("float64")


def draw(scores: Scores, records: int, names: Sequence[str], bootstrap: int, seed: int) -> dict[str, np.ndarray]:
    """The values that some metrics have over resampled records.

    Args:
        scores: of the task.
        records: how many records they are of.
        names: the metrics, some of `scores.with_interval`.
        bootstrap: how many resamples.
        seed: of the draws.

    Returns:
        For each name `float64 (bootstrap,)`, NaN where it is not defined; empty with fewer than two records.
    """
    drawn: dict[str, list[float]] = {name: [] for name in names}
    for counts in resamples(records, bootstrap if records > 1 and names else 0, seed):
        values = scores.resampled(counts, names)
        for name in names:
            drawn[name].append(values[name])
    return {name: np.asarray(values, "float64") for name, values in drawn.items()}


def intervals(scores: Scores, records: int, names: Sequence[str], bootstrap: int, seed: int) -> dict[str, Interval]:
    """Percentile intervals of some metrics, over records.

    Args:
        scores: of the task.
        records: how many records they are of.
        names: the metrics, some of `scores.with_interval`.
        bootstrap: how many resamples.
        seed: of the draws.

    Returns:
        For each name its `Interval`.
    """
    wide = records * max(len(scores.labels), 1) > MOST_PROBABILITIES
    declined = [name for name in names if wide and name in _RANKED]
    drawn = draw(scores, records, [name for name in names if name not in declined], bootstrap, seed)
    reason = f"no interval: more than {MOST_PROBABILITIES:,} probabilities to sort again and again"
    return {name: percentiles(values) for name, values in drawn.items()} | dict.fromkeys(declined, (None, None, reason))


def percentiles(values: Sequence[float] | np.ndarray) -> Interval:
    """The interval that holds 95 % of the defined values, if at least half of them are defined."""
    defined = np.asarray(values, "float64")
    defined = defined[~np.isnan(defined)]
    if not len(defined) or len(defined) < len(values) / 2:
        return None, None, "no interval: too few records or resamples"
    low, high = np.percentile(defined, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return float(low), float(high), None


def paired_difference(
    metric: str | Callable[[np.ndarray, np.ndarray], float],
    truth: Any,
    first: Any,
    second: Any,
    weights: Any = None,
    *,
    kind: str = "classification",
    bootstrap: int = 1000,
    seed: int = 0,
) -> Difference:
    """Compare two models on the same records, by a paired bootstrap.

    Each resample draws the same records for both, so what makes a record hard for both cancels out. A model is better
    than another, as far as these records can tell, if `outside` is true. Two intervals that overlap say nothing.

    Args:
        metric: the name of a metric of that kind, or a function of `(truth, predictions)`.
        truth: targets `(records, ...)`, as the head encodes them.
        first: what the first model answered, `(records, outputs)`.
        second: what the second model answered, for the same records in the same order.
        weights: `(records,)`; records with 0 are not labelled, and left out. None if all are labelled.
        kind: `"classification"`, `"multilabel"` or `"regression"`; matters for named metrics only.
        bootstrap: how many resamples.
        seed: of the draws.

    Returns:
        The `Difference`, first minus second. For errors such as `"mae"` a negative one speaks for the first.

    Raises:
        ValueError: for arrays of different lengths, an unknown metric or kind, no labelled record, or a metric that is
            not defined on these records.

    Example:

    >>> import numpy as np
    >>> truth = np.arange(200) % 2
    >>> good, blind = np.eye(2)[truth], np.full((200, 2), 0.5)
    >>> paired_difference("accuracy", truth, good, blind).outside
    True
    """
    arrays = _labelled(truth, first, second, weights)
    measure = _by_function(metric, *arrays) if callable(metric) else _by_name(metric, kind, *arrays)
    records = len(arrays[0])
    value = measure(np.ones(records))
    if np.isnan(value):
        raise ValueError(
            f"A comparison needs a metric that is defined on its records. Received {metric!r}, which is not defined on "
            f"these {records}. Choose another metric, or more records."
        )
    drawn = [measure(counts) for counts in resamples(records, bootstrap if records > 1 else 0, seed)]
    low, high, _ = percentiles(drawn)
    return Difference(value, low, high, records)


def _labelled(truth: Any, first: Any, second: Any, weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    arrays = [np.asarray(array) for array in (truth, first, second)]
    lengths = {len(array) for array in arrays} | (set() if weights is None else {len(weights)})
    if len(lengths) > 1:
        raise ValueError(
            f"A paired comparison is over the same records. Received arrays of {sorted(lengths)} records. "
            "Let both models predict the same records in the same order."
        )
    kept = np.ones(len(arrays[0]), bool) if weights is None else np.asarray(weights) > 0
    if not kept.any():
        raise ValueError("A comparison needs a labelled record. Received none with a weight above 0. Label some.")
    return arrays[0][kept], arrays[1][kept], arrays[2][kept]


def _by_name(
    metric: str, kind: str, truth: np.ndarray, first: np.ndarray, second: np.ndarray
) -> Callable[[np.ndarray], float]:
    cls = scores_for(kind)
    if metric not in cls.with_interval:
        raise ValueError(
            f"A metric is one that {kind} resamples, or a function of (truth, predictions). Received {metric!r}. "
            f"Known: {', '.join(cls.with_interval)}."
        )
    pair = cls(truth, first), cls(truth, second)

    def measure(counts: np.ndarray) -> float:
        values = [scores.resampled(counts, [metric])[metric] for scores in pair]
        return values[0] - values[1]

    return measure


def _by_function(
    metric: Callable[[np.ndarray, np.ndarray], float], truth: np.ndarray, first: np.ndarray, second: np.ndarray
) -> Callable[[np.ndarray], float]:
    def measure(counts: np.ndarray) -> float:
        drawn = np.repeat(np.arange(len(truth)), counts.astype(int))
        return float(metric(truth[drawn], first[drawn])) - float(metric(truth[drawn], second[drawn]))

    return measure
