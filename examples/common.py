"""What the examples share: train, compare with the majority and with scikit-learn on the same records, export, print."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import multimodal_keras as mk

RESAMPLES = 1000


def seed(number: int = 0) -> None:
    """Make what follows the same in each run on one machine."""
    keras.utils.set_random_seed(number)


def accuracy(labels: Sequence[Any], answers: Sequence[Any]) -> tuple[float, float, float]:
    """Accuracy, and the ends of its 95 % interval over resampled records, as `mk.evaluate` has it."""
    right = np.array([label == answer for label, answer in zip(labels, answers, strict=True)], float)
    random = np.random.default_rng(0)
    means = [right[random.integers(len(right), size=len(right))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(right.mean()), float(low), float(high)


def line(name: str, value: float, low: float | None = None, high: float | None = None) -> str:
    """One row of the table that `show` prints."""
    interval = "" if low is None or high is None else f"  [{low:.3f}, {high:.3f}]"
    return f"{name:52}{value:.3f}{interval}"


def majority(train: mk.data.Records, test: mk.data.Records, task: str) -> float:
    """The accuracy on `test` of answering the most frequent label of `train`."""
    ((label, _),) = Counter(train.values(task)).most_common(1)
    return accuracy(list(test.values(task)), [label] * len(test))[0]


def show(
    title: str,
    model: keras.Model,
    parts: tuple[mk.data.Records, mk.data.Records, mk.data.Records],
    task: str,
    baselines: Mapping[str, Sequence[Any]],
    **training: Any,
) -> mk.evaluation.Report:
    """Train a classifier, and print how it does beside its baselines; export it, and print its parity.

    Args:
        title: of the table.
        model: made by `build_model`.
        parts: records to train on, to choose the best epoch on, and to test on.
        task: the classification to look at.
        baselines: what else answered the test records: name to one label each.
        **training: options of `mk.fit`.

    Returns:
        The report of the test records.
    """
    train, valid, test = parts
    labels = list(test.values(task))
    mk.fit(model, train, valid, verbose=0, **training)
    report = mk.evaluate(model, test, bootstrap=RESAMPLES)
    found = report.metrics[task]["accuracy"]
    print(
        f"{title}: {len(train)} records to train on, {len(valid)} to choose on, {len(test)} to test on; accuracy on these"
    )
    print(line("the most frequent label", majority(train, test, task)))
    for name, answers in baselines.items():
        print(line(name, *accuracy(labels, answers)))
    print(line("this model", found["value"], found["low"], found["high"]))
    best = max((accuracy(labels, answers)[0] for answers in baselines.values()), default=0.0)
    if found["value"] <= best:
        print("It does not beat the best baseline.")
    elif found["low"] <= best:
        print("It beats the best baseline, which is within the interval: other records could turn that round.")
    with tempfile.TemporaryDirectory() as folder:
        print(
            mk.export(model, Path(folder, "1"), sample=test, calibration=train, quantize=["float32", "dynamic"]), "\n"
        )
    return report
