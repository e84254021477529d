"""From which probability on an answer is accepted: for a precision or a recall that is wished."""

from __future__ import annotations

import math

import numpy as np

# No probability reaches it: nothing is accepted.
NEVER = 2.0


def acceptance_thresholds(
    predicted: np.ndarray, truth: np.ndarray, precision: float | None, recall: float | None
) -> np.ndarray:
    """For each label the probability from which on it is accepted.

    Args:
        predicted: probabilities, `(records, labels)`.
        truth: the index of the right label `int (records,)`: an answer is then the most probable label; or which labels
            are right, `(records, labels)`: each is then answered by itself.
        precision: see `CalibrationOptions`.
        recall: likewise; one of the two is None.

    Returns:
        `float64 (labels,)`. With a precision that is not reached from any probability on, `NEVER`; with a recall that
        even all answers miss, 0.
    """
    labels = predicted.shape[1]
    answered = np.ones(predicted.shape, bool)
    if truth.ndim == 1:
        answered = predicted >= predicted.max(axis=1, keepdims=True)
        right = truth[:, None] == np.arange(labels)
    else:
        right = truth > 0.5
    found = []
    for label in range(labels):
        kept = answered[:, label]
        chances, true = predicted[kept, label], right[kept, label]
        if precision is not None:
            found.append(threshold_for_precision(chances, true, precision))
        else:
            found.append(threshold_for_recall(chances, true, int(right[:, label].sum()), recall or 0.0))
    return np.array(found)


def threshold_for_precision(chances: np.ndarray, true: np.ndarray, precision: float) -> float:
    """The lowest probability among these from which on at least this share is true; `NEVER` if there is none.

    One wrong answer more is counted than there is: the best of many thresholds looks better than it is, and a few lucky
    answers are not enough.

    Example:

    >>> import numpy as np
    >>> threshold_for_precision(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True]), 0.6)
    0.6
    """
    levels = np.unique(chances)
    reached = [
        level for level in levels if np.sum(true[chances >= level]) >= precision * (np.sum(chances >= level) + 1)
    ]
    return float(reached[0]) if reached else NEVER


def threshold_for_recall(chances: np.ndarray, true: np.ndarray, positives: int, recall: float) -> float:
    """The highest probability from which on this share of all positives is found; 0 if even all of them are too few.

    Args:
        chances: of the answers, `(answers,)`.
        true: which of them are right, `bool (answers,)`.
        positives: how many there are to be found.
        recall: the share.
    """
    wanted = math.ceil(positives * recall - 1e-9)
    ranked = np.sort(chances[true])[::-1]
    return float(ranked[wanted - 1]) if 0 < wanted <= len(ranked) else 0.0
