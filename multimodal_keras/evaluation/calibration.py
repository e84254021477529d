"""Whether probabilities mean what they say."""

from __future__ import annotations

import numpy as np
from scipy.stats import beta

BINS = 15


def bins(confidence: np.ndarray, right: np.ndarray, count: int = BINS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort answers into equal-width bins of confidence; a bin holds its upper edge, the first one 0 too.

    Args:
        confidence: probabilities in [0, 1], `(answers,)`.
        right: whether each answer came true, `bool (answers,)`.
        count: how many bins.

    Returns:
        For each bin the number of answers, the mean confidence and the share that came true, each `(count,)`; the last
        two are 0 in an empty bin.
    """
    place = np.clip(np.ceil(np.asarray(confidence, "float64") * count).astype(int) - 1, 0, count - 1)
    answers = np.bincount(place, minlength=count)
    filled = np.maximum(answers, 1)
    return (
        answers,
        np.bincount(place, confidence, count) / filled,
        np.bincount(place, np.asarray(right, "float64"), count) / filled,
    )


def calibration_error(confidence: np.ndarray, right: np.ndarray, count: int = BINS) -> float:
    """The expected calibration error: how far confidence and accuracy lie apart, averaged over the answers.

    Args:
        confidence: probabilities in [0, 1], `(answers,)`.
        right: whether each answer came true, `bool (answers,)`.
        count: how many bins of equal width.

    Returns:
        The error in [0, 1]; 0 is perfect.

    Example:

    >>> import numpy as np
    >>> float(calibration_error(np.array([0.75, 0.75, 1.0, 1.0]), np.array([True, False, True, True])))
    0.125

    Reference:
        Guo et al., On Calibration of Modern Neural Networks (arXiv:1706.04599).
    """
    answers, stated, true = bins(confidence, right, count)
    return float(np.sum(answers * np.abs(stated - true)) / max(answers.sum(), 1))


def adaptive_calibration_error(confidence: np.ndarray, right: np.ndarray, count: int = BINS) -> float:
    """The same over bins that hold equally many answers, so that no bin rests on a few of them.

    Args:
        confidence: probabilities in [0, 1], `(answers,)`.
        right: whether each answer came true, `bool (answers,)`.
        count: how many bins; as many as there are answers if those are fewer.

    Returns:
        The error in [0, 1]; 0 is perfect.

    Example:

    >>> import numpy as np
    >>> chances, right = np.array([0.1, 0.3, 0.7, 0.9]), np.array([False, False, True, True])
    >>> round(float(adaptive_calibration_error(chances, right, 2)), 3)
    0.2

    Reference:
        Nixon et al., Measuring Calibration in Deep Learning (arXiv:1904.01685).
    """
    order = np.argsort(confidence, kind="stable")
    groups = np.array_split(order, max(1, min(count, len(order))))
    gaps = [
        len(group) * abs(float(np.mean(confidence[group]) - np.mean(right[group]))) for group in groups if len(group)
    ]
    return sum(gaps) / max(len(order), 1)


def share_interval(hits: np.ndarray, answers: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The exact binomial interval of a share (Clopper and Pearson, 1934).

    Args:
        hits: how many came true, `(bins,)`.
        answers: of how many, `(bins,)`, above 0.
        confidence: how often it holds the truth, at least.

    Returns:
        Its ends, `(bins,)` each.
    """
    tail = (1 - confidence) / 2
    low = np.where(hits > 0, beta.ppf(tail, np.maximum(hits, 1), answers - hits + 1), 0.0)
    return low, np.where(hits < answers, beta.ppf(1 - tail, hits + 1, np.maximum(answers - hits, 1)), 1.0)
