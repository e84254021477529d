"""Whether probabilities mean what they say."""

from __future__ import annotations

import numpy as np

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
