"""The scores of a task with any number of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import metrics as sk

from multimodal_keras.evaluation.calibration import adaptive_calibration_error, calibration_error
from multimodal_keras.evaluation.ranking import Ranking
from multimodal_keras.evaluation.scores import Scores, Value, counted, mean_or_nan

THRESHOLD = 0.5
NOT_SPLIT = "no label that some labelled records have and others lack"
_UNDEFINED = {"precision": "no label is predicted", "recall": "no record has a label", "f1": "no label occurs at all"}


class MultiLabelScores(Scores):
    """Metrics of independent probabilities; a label is answered from a probability of 0.5 on.

    Macro precision, recall and F1 average over the labels that occur in the truth or among the answers, ROC-AUC and
    average precision over those that some records have and others lack.

    Args:
        truth: 0 or 1, `(records, labels)`.
        predicted: probabilities, `(records, labels)`.
        labels: their names; empty for their indices.

    Raises:
        ValueError: for shapes that do not match or probabilities that are not finite.
    """

    kind = "multilabel"
    headline = ("macro_f1", "subset_accuracy")
    with_interval = (
        "subset_accuracy",
        "hamming_loss",
        *(f"{average}_{name}" for average in ("micro", "macro") for name in ("precision", "recall", "f1")),
        "roc_auc",
        "average_precision",
        "log_loss",
    )
    lower_is_better = ("hamming_loss", "log_loss", "expected_calibration_error", "adaptive_calibration_error")

    def __init__(self, truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str] = ()) -> None:
        super().__init__(truth, predicted, labels)
        if predicted.ndim != 2 or truth.shape != predicted.shape:
            raise ValueError(
                "A multilabel task has targets and probabilities (records, labels). Received shapes "
                f"{truth.shape} and {predicted.shape}. Pass one target and one probability for each label."
            )
        self.truth = truth > THRESHOLD
        self.chances = predicted.astype("float64")
        self.labels = self.labels or tuple(str(index) for index in range(predicted.shape[1]))
        self.answer = self.chances >= THRESHOLD
        self._exact = (self.answer == self.truth).all(axis=1)
        clipped = np.clip(self.chances, 1e-7, 1 - 1e-7)
        self._losses = -np.where(self.truth, np.log(clipped), np.log(1 - clipped)).mean(axis=1)
        self._cells = np.concatenate(
            [self.truth & self.answer, ~self.truth & self.answer, self.truth & ~self.answer], axis=1
        ).astype("float64")
        self._ranking: Ranking | None = None

    def ranking(self) -> Ranking:
        """The ranks of all probabilities, sorted once."""
        if self._ranking is None:
            self._ranking = Ranking(self.truth, self.chances)
        return self._ranking

    def values(self) -> dict[str, Value]:
        truth, answer = self.truth.astype(int), self.answer.astype(int)
        seen = np.flatnonzero((self.truth | self.answer).any(axis=0))
        metrics: dict[str, Value] = {
            "subset_accuracy": float(self._exact.mean()),
            "hamming_loss": float(np.mean(self.truth != self.answer)),
        }
        for average, undefined in (("micro", np.nan), ("macro", 0)):
            triple = (
                sk.precision_recall_fscore_support(truth, answer, labels=seen, average=average, zero_division=undefined)
                if len(seen)
                else (np.nan,) * 3
            )
            for (name, reason), value in zip(_UNDEFINED.items(), triple, strict=False):
                metrics[f"{average}_{name}"] = reason if np.isnan(value) else float(value)
        roc, average_precision = self._areas()
        metrics["roc_auc"] = float(np.mean(list(roc.values()))) if roc else NOT_SPLIT
        metrics["average_precision"] = float(np.mean(list(average_precision.values()))) if roc else NOT_SPLIT
        metrics["log_loss"] = float(self._losses.mean())
        metrics["expected_calibration_error"] = calibration_error(self.chances.ravel(), self.truth.ravel())
        metrics["adaptive_calibration_error"] = adaptive_calibration_error(self.chances.ravel(), self.truth.ravel())
        return metrics

    def _areas(self) -> tuple[dict[int, float], dict[int, float]]:
        """ROC-AUC and average precision for each label that some records have and others lack."""
        split = [k for k in range(self.truth.shape[1]) if 0 < self.truth[:, k].sum() < len(self.truth)]
        return (
            {k: float(sk.roc_auc_score(self.truth[:, k], self.chances[:, k])) for k in split},
            {k: float(sk.average_precision_score(self.truth[:, k], self.chances[:, k])) for k in split},
        )

    def resampled(self, counts: np.ndarray, names: Sequence[str]) -> dict[str, float]:
        right, wrong, missed = np.split(counts @ self._cells, 3)
        metrics = {
            "subset_accuracy": float(counts @ self._exact / counts.sum()),
            "hamming_loss": float((wrong + missed).sum() / (counts.sum() * len(right))),
            "log_loss": float(counts @ self._losses / counts.sum()),
            **counted(right, wrong, missed),
        }
        if {"roc_auc", "average_precision"} & set(names):
            roc, average = self.ranking().areas(counts)
            metrics |= {"roc_auc": mean_or_nan(roc), "average_precision": mean_or_nan(average)}
        return metrics

    def losses(self) -> np.ndarray:
        return self._losses

    def per_class(self) -> dict[str, dict[str, Any]]:
        roc, average = self._areas()
        rights, wrongs, misses = np.split(self._cells.sum(axis=0).astype(int), 3)
        table = {}
        for k, label in enumerate(self.labels):
            right, wrong, missed = int(rights[k]), int(wrongs[k]), int(misses[k])
            table[label] = {
                "precision": right / (right + wrong) if right + wrong else None,
                "recall": right / (right + missed) if right + missed else None,
                "f1": 2 * right / (2 * right + wrong + missed) if right + wrong + missed else None,
                "roc_auc": roc.get(k),
                "average_precision": average.get(k),
                "records": right + missed,
            }
        return table
