"""The scores of a task with one number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn import metrics as sk

from multimodal_keras.evaluation.scores import Scores, Value

CONSTANT = "all labelled records have the same value"


class RegressionScores(Scores):
    """Errors in the unit of the number, and the share of variance that is explained.

    Args:
        truth: `(records, 1)` or `(records,)`.
        predicted: the same.
        labels: none.

    Raises:
        ValueError: for more than one number for each record, or numbers that are not finite.
    """

    kind = "regression"
    headline = ("mae", "r2")
    with_interval = ("mae", "rmse", "r2")
    lower_is_better = ("mae", "rmse")

    def __init__(self, truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str] = ()) -> None:
        super().__init__(truth, predicted, labels)
        if truth.size != len(truth) or predicted.size != len(predicted):
            raise ValueError(
                f"A regression has one number for each record. Received shapes {truth.shape} and {predicted.shape}. "
                "Pass (records, 1) or (records,)."
            )
        self.truth = truth.reshape(-1).astype("float64")
        self.answer = predicted.reshape(-1).astype("float64")
        self._errors = self.answer - self.truth

    def values(self) -> dict[str, Value]:
        constant = len(np.unique(self.truth)) < 2
        return {
            "mae": float(sk.mean_absolute_error(self.truth, self.answer)),
            "rmse": float(np.sqrt(sk.mean_squared_error(self.truth, self.answer))),
            "r2": CONSTANT if constant else float(sk.r2_score(self.truth, self.answer)),
        }

    def resampled(self, counts: np.ndarray, names: Sequence[str]) -> dict[str, float]:
        total = counts.sum()
        mean = counts @ self.truth / total
        squares, spread = counts @ self._errors**2, counts @ (self.truth - mean) ** 2
        constant = len(np.unique(self.truth[counts > 0])) < 2
        return {
            "mae": float(counts @ np.abs(self._errors) / total),
            "rmse": float(np.sqrt(squares / total)),
            "r2": float("nan") if constant else float(1 - squares / spread),
        }

    def losses(self) -> np.ndarray:
        return np.abs(self._errors)
