"""Evaluate a model on records."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import sklearn
import tensorflow as tf

import multimodal_keras
from multimodal_keras.base import Head, parts
from multimodal_keras.data import Pipeline, Records
from multimodal_keras.evaluation.answers import Answers, Collected, collect
from multimodal_keras.evaluation.kinds import KINDS
from multimodal_keras.evaluation.measure import subset_rows, task_metrics
from multimodal_keras.evaluation.mistakes import mistakes
from multimodal_keras.evaluation.promises import promise_rows, unusual_shares
from multimodal_keras.evaluation.report import Report
from multimodal_keras.evaluation.scores import Scores
from multimodal_keras.evaluation.subsets import subsets_of


def evaluate(
    model: keras.Model,
    records: Records | Sequence[dict[str, Any]] | tf.data.Dataset,
    *,
    batch_size: int = 64,
    subsets: bool = True,
    bootstrap: int = 1000,
    seed: int = 0,
    history: Mapping[str, Sequence[float]] | None = None,
    output: str | Path | None = None,
) -> Report:
    """Metrics with intervals for each task, and from every subset of modalities.

    Records without a label for a task are left out of the metrics of this task. A subset of modalities is defined if it
    has all required ones; the optional ones outside of it are declared absent, as in a record that lacks them. A record
    that has none of a subset's fields stays in, and is answered with nothing present.

    Args:
        model: made by `build_model`.
        records: what to evaluate on, not what the model was trained on: `Records`, a list of dicts, or a dataset
            of `(inputs, targets, weights)` batches as `data.batches` makes them (then a report shows no texts).
        batch_size: records in a batch; matters for memory and speed only.
        subsets: whether to evaluate every subset of modalities, or all of them together only.
        bootstrap: how many resamples for the 95 % intervals; 0 for no intervals.
        seed: of the resamples; equal seeds give equal intervals.
        history: metric to one number for each epoch, for the learning curves: what `fit` returns as `history.history`.
        output: a folder to save the report to; None not to save it.

    Returns:
        The `Report`.

    Raises:
        ValueError: for a model that `build_model` did not make, no records, arguments out of range, or predictions that
            are not finite.
        DataError: for a record that cannot be used.
        ImportError: with `output`, if matplotlib is not installed; before anything is computed.

    Example:

    >>> import multimodal_keras as mk
    >>> records = [{"title": "a cat", "subject": "animals"}, {"title": "a pear", "subject": "food"}]
    >>> model = mk.build_model({"title": mk.TextModality()}, {"subject": mk.ClassificationHead()}, adapt_to=records)
    >>> report = mk.evaluate(model, records, bootstrap=100)
    >>> sorted(report.metrics["subject"]["accuracy"]), list(report.subsets)
    (['high', 'low', 'value'], ['title'])
    """
    if batch_size < 1 or bootstrap < 0:
        raise ValueError(
            f"batch_size is at least 1 and bootstrap at least 0. Received {batch_size} and {bootstrap}. Raise them."
        )
    if output is not None:
        _need_matplotlib()
    found = parts(model)
    every = subsets_of(found.modalities, found.optional)
    every = every if subsets else every[-1:]
    given = _records(records)
    asked = [subset for subset in every if subset.reason is None]
    with _batches(given, model, batch_size) as batches:
        collected = collect(model, batches, asked)
    scored, skipped = _scored(collected, found.heads)
    tasks = {task: _facts(found.heads[task], collected.answers[task]) for task in found.heads}
    report = Report(
        model=str(model.name),
        records=collected.records,
        tasks=tasks,
        metrics={
            task: task_metrics(scores, tasks[task]["labelled"], bootstrap, seed) for task, scores in scored.items()
        },
        per_class={task: scores.per_class() for task, scores in scored.items()},
        subsets=subset_rows(every, collected, scored, bootstrap, seed),
        promises=promise_rows(found, collected, asked),
        unusual=unusual_shares(collected),
        skipped=skipped,
        history=_history(history),
        settings={"batch_size": batch_size, "bootstrap": bootstrap, "seed": seed, "confidence": 0.95},
        versions=_versions(),
        predictions=collected.answers,
        scores=scored,
        mistakes=mistakes(collected, scored, found, None if isinstance(given, tf.data.Dataset) else given),
    )
    if output is not None:
        report.save(output)
    return report


def _need_matplotlib() -> None:
    from multimodal_keras.evaluation.plots import check_matplotlib  # the plots are optional

    check_matplotlib()


def _records(records: Any) -> Records | tf.data.Dataset:
    if isinstance(records, (Records, tf.data.Dataset)):
        return records
    if isinstance(records, (list, tuple)):
        return Records.of(records)
    raise TypeError(
        "Evaluation takes Records, a list of dicts, or a tf.data.Dataset of (inputs, targets, weights). Received a "
        f"{type(records).__name__}. Read it with multimodal_keras.data.read."
    )


@contextlib.contextmanager
def _batches(records: Records | tf.data.Dataset, model: keras.Model, batch_size: int) -> Iterator[tf.data.Dataset]:
    if isinstance(records, tf.data.Dataset):
        yield records
        return
    pipeline = Pipeline(records, model, batch_size=batch_size)
    with pipeline.errors():
        yield pipeline.dataset()


def _scored(collected: Collected, heads: Mapping[str, Head]) -> tuple[dict[str, Scores], dict[str, str]]:
    """Task to its scores, and for the others the reason why there are none."""
    scored: dict[str, Scores] = {}
    skipped = {}
    for task, head in heads.items():
        answers = collected.answers[task]
        kept = answers.labelled
        if head.kind not in KINDS:
            skipped[task] = f"no metrics are known for heads of kind {head.kind!r}"
        elif not kept.any():
            skipped[task] = "no record has a label"
        else:
            labels = head.contract().get("labels") or ()
            scored[task] = KINDS[head.kind](answers.truth[kept], answers.predicted[kept], labels)
    return scored, skipped


def _facts(head: Head, answers: Answers) -> dict[str, Any]:
    contract = head.contract()
    facts: dict[str, Any] = {name: contract[name] for name in ("kind", "labels", "unit") if name in contract}
    return {**facts, "labelled": int(answers.labelled.sum())}


def _history(history: Mapping[str, Sequence[float]] | None) -> dict[str, list[float]]:
    try:
        return {str(name): [float(value) for value in values] for name, values in (history or {}).items()}
    except (TypeError, ValueError, AttributeError):
        raise TypeError(
            f"A history is a dict of metric to one number for each epoch. Received {history!r}. "
            "Pass what fit returned, as history.history."
        ) from None


def _versions() -> dict[str, str]:
    return {
        "multimodal_keras": multimodal_keras.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
