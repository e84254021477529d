"""Split conformal prediction: how far the sets reach so that they hold the truth as often as was promised."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import betabinom

# A limit that every score is below: a label that is always in the set. Finite, for float16 and for products with 0.
ALWAYS = 1e4
# A record whose score is the quantile itself is in, however the graph rounds.
_MARGIN = 1e-5


def conformal_quantile(scores: np.ndarray, coverage: float) -> float:
    """The smallest score that is not exceeded by a new record with at least this probability.

    It is the `ceil((n + 1) * coverage)`-th smallest of n scores. For records that are exchangeable with these, the
    probability lies between `coverage` and `coverage + 1 / (n + 1)` where no scores are equal.

    Args:
        scores: of calibration records, `(n,)`.
        coverage: in (0, 1).

    Returns:
        The score; infinite if there are too few records for this coverage.

    Example:

    >>> import numpy as np
    >>> conformal_quantile(np.arange(1.0, 10.0), 0.9), conformal_quantile(np.arange(1.0, 9.0), 0.9)
    (9.0, inf)

    Reference:
        Vovk et al., Algorithmic Learning in a Random World (2005); Angelopoulos and Bates, A Gentle Introduction to
        Conformal Prediction (arXiv:2107.07511).
    """
    place = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return float(np.sort(scores)[place - 1]) if 1 <= place <= len(scores) else math.inf


def fewest_records(coverage: float) -> int:
    """How many records a promise of this coverage needs: 9 for 0.9, 19 for 0.95."""
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def coverage_interval(coverage: float, records: int, tested: int, confidence: float = 0.95) -> tuple[float, float]:
    """Where the coverage of new records lies if the promise holds.

    Two things vary: which records were drawn for the calibration, and which for the test. The number of covered ones is
    beta-binomial; with very many calibration records it is binomial.

    Args:
        coverage: that was promised.
        records: of the calibration.
        tested: how many new ones there are.
        confidence: how often it lies there.

    Returns:
        The ends of the interval, shares of `tested`.

    Reference:
        Vovk, Conditional Validity of Inductive Conformal Predictors (arXiv:1209.2673).
    """
    place = math.ceil((records + 1) * coverage - 1e-9)
    law = betabinom(tested, place, records + 1 - place)
    tail = (1 - confidence) / 2
    return float(law.ppf(tail)) / tested, float(law.ppf(1 - tail)) / tested


def label_limits(scores: np.ndarray, truth: np.ndarray, coverage: float, by_class: bool) -> np.ndarray:
    """Up to which score a label is in the set.

    Args:
        scores: of every label, `(records, labels)`.
        truth: the index of the right label `int (records,)`, or which labels are right, `(records, labels)`.
        coverage: see `CalibrationOptions`.
        by_class: whether each label gets a limit of its own.

    Returns:
        `float64 (labels,)`; `ALWAYS` for one with too few records.
    """
    labels = scores.shape[1]
    member = truth[:, None] == np.arange(labels) if truth.ndim == 1 else truth > 0.5
    if by_class:
        quantiles = [conformal_quantile(scores[member[:, label], label], coverage) for label in range(labels)]
    else:
        # All right labels are in as soon as the worst of them is; a record without any is always covered.
        worst = np.max(np.where(member, scores, -ALWAYS), axis=1)
        quantiles = [conformal_quantile(worst, coverage)] * labels
    return np.minimum([widened(quantile) for quantile in quantiles], ALWAYS)


def half_width(answers: np.ndarray, truth: np.ndarray, coverage: float) -> float:
    """Half of the interval around a number that holds the truth: a conformal quantile of absolute errors."""
    return widened(conformal_quantile(np.abs(answers - truth).ravel(), coverage))


def widened(quantile: float) -> float:
    """A quantile, and a little more than what float32 loses."""
    return quantile + _MARGIN * abs(quantile)
