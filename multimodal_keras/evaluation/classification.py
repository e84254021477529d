"""The scores of a task with exactly one label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import metrics as sk

from multimodal_keras.evaluation.calibration import adaptive_calibration_error, calibration_error
from multimodal_keras.evaluation.ranking import Ranking
from multimodal_keras.evaluation.scores import Scores, Value, counted, mean_or_nan, ratio

ONE_CLASS = "all labelled records have the same label"
_AVERAGES = ("micro", "macro")


class ClassificationScores(Scores):
    """Metrics of probabilities over labels of which one is right.

    Macro precision, recall and F1 average over the labels that occur in the truth or among the predictions, balanced
    accuracy over those in the truth, ROC-AUC (one against the rest) and average precision over those that some records
    have and others lack.

    Args:
        truth: the index of the right label, `int (records,)`.
        predicted: probabilities, `(records, labels)`.
        labels: their names; empty for their indices.

    Raises:
        ValueError: for shapes that do not match, indices that are no label, or probabilities that are not finite.
    """

    kind = "classification"
    headline = ("accuracy", "macro_f1")
    with_interval = (
        "accuracy",
        "balanced_accuracy",
        *(f"{average}_{name}" for average in ("micro", "macro") for name in ("precision", "recall", "f1")),
        "roc_auc",
        "average_precision",
        "log_loss",
    )
    lower_is_better = ("log_loss", "expected_calibration_error", "adaptive_calibration_error")

    def __init__(self, truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str] = ()) -> None:
        super().__init__(truth, predicted, labels)
        if predicted.ndim != 2 or truth.ndim != 1:
            raise ValueError(
                "A classification has targets (records,) and probabilities (records, labels). Received shapes "
                f"{truth.shape} and {predicted.shape}. Pass label indices, and one probability for each label."
            )
        self.truth = truth.astype("int64")
        chances = predicted.astype("float64")
        self.chances = chances / chances.sum(axis=1, keepdims=True)
        self.size = chances.shape[1]
        if len(truth) and not (self.truth.min() >= 0 and self.truth.max() < self.size):
            raise ValueError(
                f"A target is the index of a label, from 0 to {self.size - 1}. Received {self.truth.min()} to "
                f"{self.truth.max()}. Evaluate with the labels that the model was built with."
            )
        self.labels = self.labels or tuple(str(index) for index in range(self.size))
        self.answer = self.chances.argmax(axis=1)
        self.right = self.answer == self.truth
        self.one_hot = self.truth[:, np.newaxis] == np.arange(self.size)
        self._cells = self.truth * self.size + self.answer
        self._losses = -np.log(np.clip(self.true_chances, np.finfo("float64").eps, 1.0))
        self._ranking: Ranking | None = None

    @property
    def true_chances(self) -> np.ndarray:
        """The probability of the right label, `(records,)`."""
        return np.take_along_axis(self.chances, self.truth[:, np.newaxis], axis=1)[:, 0]

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the answer, `(records,)`."""
        return self.chances.max(axis=1)

    def ranking(self) -> Ranking:
        """The ranks of all probabilities, sorted once."""
        if self._ranking is None:
            self._ranking = Ranking(self.one_hot, self.chances)
        return self._ranking

    def confusion(self) -> np.ndarray:
        """Counts, `int (labels, labels)`: rows are the truth, columns the answers."""
        return np.bincount(self._cells, minlength=self.size**2).reshape(self.size, self.size)

    def values(self) -> dict[str, Value]:
        truth, answer = self.truth, self.answer
        present = np.unique(truth)
        recall = sk.recall_score(truth, answer, labels=present, average="macro", zero_division=0)
        metrics: dict[str, Value] = {"accuracy": sk.accuracy_score(truth, answer), "balanced_accuracy": recall}
        for average in _AVERAGES:
            triple = sk.precision_recall_fscore_support(truth, answer, average=average, zero_division=0)
            metrics |= {
                f"{average}_{name}": float(x) for name, x in zip(("precision", "recall", "f1"), triple, strict=False)
            }
        roc, precision = self._areas()
        metrics["roc_auc"] = float(np.mean(list(roc.values()))) if roc else ONE_CLASS
        metrics["average_precision"] = float(np.mean(list(precision.values()))) if precision else ONE_CLASS
        metrics["log_loss"] = float(sk.log_loss(truth, self.chances, labels=np.arange(self.size)))
        metrics["expected_calibration_error"] = calibration_error(self.confidence, self.right)
        metrics["adaptive_calibration_error"] = adaptive_calibration_error(self.confidence, self.right)
        return metrics

    def _areas(self) -> tuple[dict[int, float], dict[int, float]]:
        """ROC-AUC and average precision for each label that some records have and others lack."""
        split = [k for k in range(self.size) if 0 < self.one_hot[:, k].sum() < len(self.truth)]
        return (
            {k: float(sk.roc_auc_score(self.one_hot[:, k], self.chances[:, k])) for k in split},
            {k: float(sk.average_precision_score(self.one_hot[:, k], self.chances[:, k])) for k in split},
        )

    def resampled(self, counts: np.ndarray, names: Sequence[str]) -> dict[str, float]:
        cells = np.bincount(self._cells, counts, self.size**2).reshape(self.size, self.size)
        right, answered, true = np.diag(cells), cells.sum(axis=0), cells.sum(axis=1)
        metrics = {
            "accuracy": float(right.sum() / cells.sum()),
            "balanced_accuracy": float(ratio(right, true)[true > 0].mean()),
            "log_loss": float(counts @ self._losses / counts.sum()),
            **counted(right, answered - right, true - right),
        }
        if {"roc_auc", "average_precision"} & set(names):
            roc, average = self.ranking().areas(counts)
            metrics |= {"roc_auc": mean_or_nan(roc), "average_precision": mean_or_nan(average)}
        return metrics

    def losses(self) -> np.ndarray:
        return self._losses

    def per_class(self) -> dict[str, dict[str, Any]]:
        cells = self.confusion()
        roc, average = self._areas()
        table = {}
        for k, label in enumerate(self.labels):
            right, answered, true = int(cells[k, k]), int(cells[:, k].sum()), int(cells[k].sum())
            table[label] = {
                "precision": right / answered if answered else None,
                "recall": right / true if true else None,
                "f1": 2 * right / (answered + true) if answered + true else None,
                "roc_auc": roc.get(k),
                "average_precision": average.get(k),
                "records": true,
            }
        return table
