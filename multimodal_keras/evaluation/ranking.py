"""Areas under curves, with each record counted as often as a resample drew it."""

from __future__ import annotations

import numpy as np


class Ranking:
    """Sorts the scores once, so that each resample costs sums and no sorting. Equal scores are one threshold.

    Args:
        truth: whether the record has the label, `bool (records, labels)`.
        scores: `(records, labels)`.
    """

    def __init__(self, truth: np.ndarray, scores: np.ndarray) -> None:
        records = len(scores)
        self._order = np.argsort(-scores, axis=0, kind="stable")
        ranked = np.take_along_axis(scores, self._order, axis=0)
        self._truth = np.take_along_axis(truth, self._order, axis=0).astype("float64")
        place = np.broadcast_to(np.arange(records)[:, np.newaxis], scores.shape)
        new = np.ones(scores.shape, bool)
        new[1:] = ranked[1:] != ranked[:-1]
        last = np.roll(new, -1, axis=0)
        last[-1:] = True
        self._first = np.maximum.accumulate(np.where(new, place, 0), axis=0)
        self._last = np.minimum.accumulate(np.where(last, place, records - 1)[::-1], axis=0)[::-1]

    def areas(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The areas under the ROC curve and the average precision of each label.

        Args:
            counts: how often each record counts, `(records,)`.

        Returns:
            Two arrays `float64 (labels,)`; NaN for a label that no record has, or every one.
        """
        weights = counts[self._order]
        hits = weights * self._truth
        found, seen = np.cumsum(hits, axis=0), np.cumsum(weights, axis=0)
        above = np.take_along_axis(found - hits, self._first, axis=0)
        upto, shown = (np.take_along_axis(sums, self._last, axis=0) for sums in (found, seen))
        positives = found[-1]
        negatives = seen[-1] - positives
        defined = (positives > 0) & (negatives > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            roc = np.sum((weights - hits) * (above + upto), axis=0) / (2 * positives * negatives)
            precision = np.where(shown > 0, upto / shown, 0.0)
            average = np.sum(hits * precision, axis=0) / positives
        return np.where(defined, roc, np.nan), np.where(defined, average, np.nan)
