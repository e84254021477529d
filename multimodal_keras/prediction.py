"""Predict with a model in memory, a run, a SavedModel or a TFLite file: the same call, the same answers."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from multimodal_keras.data import Records, read
from multimodal_keras.runtime import artefacts
from multimodal_keras.runtime.explanations import Explanations
from multimodal_keras.runtime.predicting import Predictor

RUN_MODEL = "model.keras"


def predict(
    source: Any,
    records: Any,
    *,
    batch_size: int = 64,
    on_error: str = "raise",
    skipped: list[dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Answer records.

    Args:
        source: a model, a run folder, a folder with a SavedModel, or a `.tflite` file.
        records: `Records`, or anything that `data.read` takes. Labels are not needed.
        batch_size: records in a batch.
        on_error: `"raise"`, or `"skip"`: a record that cannot be used is answered by `{"error": reason}`.
        skipped: a list that gets `{"file", "row", "field", "reason"}` for each of these.

    Returns:
        One answer for each record, in their order: task to `{"label", "probability", "probabilities"}`,
        `{"labels", "probabilities"}` or `{"value"}`.

    Raises:
        DataError: names file, row and field of a record that cannot be used.
        ValueError: if the source is nothing to predict with.
    """
    records = records if isinstance(records, Records) else read(records)
    return load_predictor(source).predict(records, batch_size=batch_size, on_error=on_error, skipped=skipped)


def explain(
    source: Any,
    records: Any,
    *,
    batch_size: int | None = None,
    on_error: str = "raise",
    skipped: list[dict[str, Any]] | None = None,
) -> Explanations:
    """Answer records, and tell how much each modality contributed: its exact Shapley value.

    The baseline is the prediction with nothing present. Baseline and contributions sum to the prediction; what a record
    lacks contributes 0. See `base.contributions.contributions_model` for what absent means.

    Args:
        source: a model of at most 10 modalities, a run folder, a folder with a SavedModel, or a `.tflite` file that
            was exported with `explain=True`.
        records: `Records`, or anything that `data.read` takes. Labels are not needed.
        batch_size: records in a batch; by default fewer the more modalities there are.
        on_error: `"raise"`, or `"skip"`: a record that cannot be used is answered by `{"error": reason}`.
        skipped: a list that gets `{"file", "row", "field", "reason"}` for each of these.

    Returns:
        A list of what `predict` answers. Each task's answer also has `"baseline"`, and `"contributions"`: field to a number.
        They are about the probability of the label that is answered (classification), the value (regression), or each
        label (multilabel: label to number, and field to label to number). Its `summary()` tells which modality
        mattered in all of them.

    Raises:
        DataError: names file, row and field of a record that cannot be used.
        ValueError: if the source cannot tell.

    Example:

    >>> import multimodal_keras as mk
    >>> records = [{"title": "a cat", "subject": "animals"}, {"title": "a pear", "subject": "food"}]
    >>> model = mk.build_model({"title": mk.TextModality()}, {"subject": mk.ClassificationHead()}, adapt_to=records)
    >>> explanations = mk.explain(model, records)
    >>> sorted(explanations[0]["subject"])
    ['baseline', 'contributions', 'label', 'probabilities', 'probability']
    >>> explanations.summary()["subject"]["title"]["share"]
    1.0
    """
    records = records if isinstance(records, Records) else read(records)
    return load_predictor(source).explain(records, batch_size=batch_size, on_error=on_error, skipped=skipped)


def load_predictor(source: Any) -> Predictor:
    """Whatever `predict` takes as its source, ready to answer records."""
    if isinstance(source, (str, Path)):
        path = Path(source)
        if path.suffix != ".keras" and not (path / RUN_MODEL).exists():
            return artefacts.load(path)
        source = path if path.suffix == ".keras" else path / RUN_MODEL
    # Keras and TensorFlow are imported only if there is a Keras model to run.
    return importlib.import_module("multimodal_keras.exporting.inprocess").ModelArtefact(source)
