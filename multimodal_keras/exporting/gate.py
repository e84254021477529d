"""How much worse a quantized file answers than the model, and whether that is too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from multimodal_keras.base import Head, Parts

DRAWS = 200
CONFIDENCE = 95

Outputs = dict[str, np.ndarray]
Labels = dict[str, tuple[np.ndarray, np.ndarray]]


def metric_drops(
    found: Parts, wanted: Outputs, got: Outputs, labels: Labels, draws: int = DRAWS
) -> dict[str, dict[str, Any]]:
    """How much worse the first metric of each task has become.

    Args:
        found: the components of the model.
        wanted: task to what the model answers.
        got: task to what the file answers.
        labels: task to `(targets, weights)`.
        draws: how many resamples of the records the interval comes from; 0 for none.

    Returns:
        Task to `metric`, `drop` (a share: 0.01 is one point; negative is better) and `interval`: where it lies for 95 %
        of paired resamples of the records. A task without labels is judged by how far the answers are from the
        model's: the share of other labels, or the largest difference of a value.
    """
    drops = {}
    for task, head in found.heads.items():
        weights = labels[task][1]
        if weights.any():
            drops[task] = _measured(head, wanted[task], got[task], labels[task], draws)
        else:
            drops[task] = {
                "metric": "difference from Keras",
                "drop": _distance(wanted[task], got[task]),
                "interval": None,
            }
    return drops


def judged_drops(
    found: Parts, wanted: Outputs, got: Outputs, labels: Labels, limit: float, *, whole: bool
) -> tuple[dict[str, dict[str, Any]], bool]:
    """`metric_drops`, and whether they are acceptable.

    With all modalities, a drop beyond the limit is too much as it stands. With one of them missing a model is often weak,
    and a few answers that hang in the balance decide: there it is too much if the interval lies above 0 as well.

    Args:
        found: the components of the model.
        wanted: task to what the model answers.
        got: task to what the file answers.
        labels: task to `(targets, weights)`.
        limit: the largest drop.
        whole: whether all modalities are there.
    """
    drops = metric_drops(found, wanted, got, labels, DRAWS if whole else 0)
    # A NaN is no number below a limit.
    beyond = [task for task, drop in drops.items() if not drop["drop"] <= limit]
    if beyond and not whole:
        drops = metric_drops(found, wanted, got, labels)
        beyond = [task for task in beyond if drops[task]["interval"] is None or not drops[task]["interval"][0] <= 0]
    return drops, not beyond


def _measured(
    head: Head, wanted: np.ndarray, got: np.ndarray, labels: tuple[np.ndarray, np.ndarray], draws: int
) -> dict[str, Any]:
    targets, weights = labels
    metric = head.default_metrics()[0]

    def score(outputs: np.ndarray, counts: np.ndarray) -> float:
        metric.reset_state()
        metric.update_state(targets, outputs, sample_weight=counts)
        return float(metric.result())

    def drop(counts: np.ndarray) -> float:
        return head.metric_drop(score(wanted, counts), score(got, counts))

    drawn = [drop(weights * counts) for counts in _resamples(len(weights), draws) if (weights * counts).any()]
    tails = [(100 - CONFIDENCE) / 2, (100 + CONFIDENCE) / 2]
    interval = [float(end) for end in np.percentile(drawn, tails)] if drawn else None
    return {"metric": metric.name, "drop": drop(weights), "interval": interval}


def _resamples(records: int, draws: int) -> Iterator[np.ndarray]:
    """How often each record is drawn, `draws` times."""
    random = np.random.default_rng(0)
    for _ in range(draws):
        yield np.bincount(random.integers(records, size=records), minlength=records)


def _distance(wanted: np.ndarray, got: np.ndarray) -> float:
    if wanted.shape[-1] > 1:
        return float(np.mean(np.argmax(wanted, -1) != np.argmax(got, -1)))
    return float(np.max(np.abs(wanted - got)) / max(1.0, float(np.max(np.abs(wanted)))))
