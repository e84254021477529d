"""Scale probabilities so that they mean what they say: slopes and offsets of logits, by maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, softmax

from multimodal_keras.base.calibration import LEAST_LOG, LEAST_LOG_OF_BOTH
from multimodal_keras.calibrating.options import TEMPERATURE, VECTOR

# exp(-3) to exp(3): a temperature from 0.05 to 20.
_LARGEST_LOG = 3.0

Scale = tuple[np.ndarray, np.ndarray]
"""Slope and offset, `float64 (labels or 1,)` each."""


def fit_scaling(predicted: np.ndarray, truth: np.ndarray, scaling: str) -> Scale:
    """The slope and the offset of logits under which the truth is most likely.

    Args:
        predicted: probabilities, `(records, labels)`.
        truth: the index of the right label `int (records,)`, or which labels are right, `(records, labels)`.
        scaling: `"temperature"`, `"vector"` or `"none"`.

    Returns:
        Slope (one over the temperature) and offset.

    Reference:
        Guo et al., On Calibration of Modern Neural Networks (arXiv:1706.04599). For several labels, Platt (1999), with his
        smoothed targets.
    """
    labels = predicted.shape[1]
    if scaling == TEMPERATURE:
        fit = _fit_softmax if truth.ndim == 1 else _fit_sigmoid
        logits = log_probabilities(predicted) if truth.ndim == 1 else logits_of(predicted)
        return np.array([fit(logits, truth)]), np.zeros(1)
    if scaling == VECTOR:
        return _fit_vector(predicted, truth) if truth.ndim == 1 else _fit_platt(predicted, truth)
    return np.ones(1), np.zeros(labels if labels == 1 else 1)


def log_probabilities(predicted: np.ndarray) -> np.ndarray:
    """Logits of a softmax, up to one number for each record; never infinite."""
    return np.log(np.maximum(predicted.astype("float64"), np.exp(LEAST_LOG)))


def logits_of(predicted: np.ndarray) -> np.ndarray:
    """Logits of sigmoids; never infinite."""
    chances, least = predicted.astype("float64"), np.exp(LEAST_LOG_OF_BOTH)
    return np.log(np.maximum(chances, least)) - np.log(np.maximum(1 - chances, least))


def _fit_softmax(logits: np.ndarray, truth: np.ndarray) -> float:
    """One over the temperature. The loss is convex in it, but searched in its logarithm, where it cannot become negative."""
    rows = np.arange(len(truth))

    def loss(log_slope: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = np.exp(log_slope[0]) * logits
        gradient = np.sum(softmax(scaled, axis=1) * scaled, axis=1) - scaled[rows, truth]
        return -float(np.mean(log_softmax(scaled, axis=1)[rows, truth])), np.array([gradient.mean()])

    return float(np.exp(_minimum(loss, np.zeros(1), [(-_LARGEST_LOG, _LARGEST_LOG)])[0]))


def _fit_sigmoid(logits: np.ndarray, truth: np.ndarray) -> float:
    def loss(log_slope: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = np.exp(log_slope[0]) * logits
        value, gradient = _binary(scaled, truth)
        return value, np.array([np.mean(gradient * scaled)])

    return float(np.exp(_minimum(loss, np.zeros(1), [(-_LARGEST_LOG, _LARGEST_LOG)])[0]))


def _fit_vector(predicted: np.ndarray, truth: np.ndarray) -> Scale:
    """A slope and an offset for each label, kept near 1 and 0 by a normal prior: a label that no record has stays finite."""
    logits, (records, labels) = log_probabilities(predicted), predicted.shape
    rows, target = np.arange(records), np.eye(labels)[truth]

    def loss(both: np.ndarray) -> tuple[float, np.ndarray]:
        slope, offset = np.split(both, 2)
        scaled = logits * slope + offset
        wrong = softmax(scaled, axis=1) - target
        prior = np.concatenate([slope - 1, offset])
        value = -np.mean(log_softmax(scaled, axis=1)[rows, truth]) + prior @ prior / (2 * records)
        gradient = np.concatenate([(wrong * logits).mean(axis=0), wrong.mean(axis=0)])
        return float(value), gradient + prior / records

    slope, offset = np.split(_minimum(loss, np.concatenate([np.ones(labels), np.zeros(labels)])), 2)
    return slope, offset


def _fit_platt(predicted: np.ndarray, truth: np.ndarray) -> Scale:
    logits, fitted = logits_of(predicted), []
    for label in range(predicted.shape[1]):
        column, right = logits[:, label], truth[:, label] > 0.5
        yes, no = right.sum(), (~right).sum()
        target = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))

        def loss(
            both: np.ndarray, column: np.ndarray = column, target: np.ndarray = target
        ) -> tuple[float, np.ndarray]:
            value, gradient = _binary(both[0] * column + both[1], target)
            return value, np.array([np.mean(gradient * column), gradient.mean()])

        fitted.append(_minimum(loss, np.array([1.0, 0.0]), [(0.0, np.exp(_LARGEST_LOG)), (None, None)]))
    slope, offset = np.transpose(fitted)
    return slope, offset


def _binary(scaled: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean binary cross-entropy, and the gradient of each term."""
    value = -(target * log_expit(scaled) + (1 - target) * log_expit(-scaled)).mean()
    return float(value), expit(scaled) - target


def _minimum(
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray, bounds: list[tuple] | None = None
) -> np.ndarray:
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x
