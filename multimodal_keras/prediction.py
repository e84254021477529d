"""Predict with a model in memory, a run, a SavedModel or a TFLite file: the same call, the same answers."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from multimodal_keras.data import Records, read
from multimodal_keras.errors import DataError, Origin
from multimodal_keras.runtime import artefacts
from multimodal_keras.runtime.answers import answers
from multimodal_keras.runtime.reading import READERS
from multimodal_keras.runtime.reasons import first_line

RUN_MODEL = "model.keras"
# What TensorFlow puts before a decoder's own words.
_GRAPH_NAMES = re.compile(r"\{\{.*?\}\}\s*")

Raw = dict[str, list[bytes]]


class Predictor(Protocol):
    """What answers raw values: a loaded artefact, or a model in this process."""

    contract: dict[str, Any]

    def predict(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Task to `(batch, outputs)`."""


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
        skipped: a list that gets `{"file", "row", "reason"}` for each of these.

    Returns:
        One answer for each record, in their order: task to `{"label", "probability", "probabilities"}`,
        `{"labels", "probabilities"}` or `{"value"}`.

    Raises:
        DataError: names file, row and field of a record that cannot be used.
        ValueError: if the source is nothing to predict with.
    """
    return [
        answer
        for _, answer in stream_predictions(
            source, records, batch_size=batch_size, on_error=on_error, skipped=[] if skipped is None else skipped
        )
    ]


def stream_predictions(
    source: Any, records: Any, *, batch_size: int, on_error: str, skipped: list[dict[str, Any]]
) -> Iterator[tuple[Origin, dict[str, Any]]]:
    """The same as `predict`, record by record with its origin, in memory that does not depend on their number."""
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error is 'raise' or 'skip'. Received {on_error!r}. Choose one of these.")
    records = records if isinstance(records, Records) else read(records)
    predictor = load_predictor(source)
    rows = iter(records.attempts())
    while chunk := list(islice(rows, batch_size)):
        yield from _answered(predictor, chunk, records.folder, on_error, skipped)


def load_predictor(source: Any) -> Predictor:
    """Whatever `predict` takes as its source, ready to answer raw values."""
    if isinstance(source, (str, Path)):
        path = Path(source)
        if path.suffix != ".keras" and not (path / RUN_MODEL).exists():
            return artefacts.load(path)
        source = path if path.suffix == ".keras" else path / RUN_MODEL
    # Keras and TensorFlow are imported only if there is a Keras model to run.
    return importlib.import_module("multimodal_keras.exporting.inprocess").ModelArtefact(source)


def _answered(
    predictor: Predictor,
    rows: list[tuple[Origin, Any]],
    folder: Path | None,
    on_error: str,
    skipped: list[dict[str, Any]],
) -> Iterator[tuple[Origin, dict[str, Any]]]:
    raws: list[dict[str, bytes] | DataError] = [_raw(predictor.contract, *row, folder) for row in rows]
    good = [raw for raw in raws if not isinstance(raw, DataError)]
    try:
        found = iter(_predict(predictor, good))
    except Exception as error:
        # One record that cannot be decoded fails its batch: ask for each on its own to find it.
        if not _is_about_a_record(error):
            raise
        raws = [
            raw if isinstance(raw, DataError) else _alone(predictor, raw, row[0])
            for raw, row in zip(raws, rows, strict=True)
        ]  # type: ignore[misc]
        found = iter(_predict(predictor, [raw for raw in raws if not isinstance(raw, DataError)]))
    for (origin, _), raw in zip(rows, raws, strict=True):
        if not isinstance(raw, DataError):
            yield origin, next(found)
        elif on_error == "raise":
            raise raw
        else:
            skipped.append({"file": origin.file, "row": origin.row, "reason": raw.reason})
            yield origin, {"error": raw.reason}


def _raw(contract: Mapping[str, Any], origin: Origin, record: Any, folder: Path | None) -> dict[str, bytes] | DataError:
    """What a client would send for this record, or why it cannot be sent."""
    if isinstance(record, DataError):
        return record
    raw = {}
    for field, facts in contract["modalities"].items():
        try:
            raw[field] = READERS[facts["kind"]](record.get(field), folder)
        except ValueError as error:
            return DataError(str(error), origin, field)
        if not raw[field] and not facts["optional"]:
            reason = "A required field has a value in each record. Received an empty one. Fill it."
            return DataError(reason, origin, field)
    return raw


def _alone(predictor: Predictor, raw: dict[str, bytes], origin: Origin) -> dict[str, bytes] | DataError:
    try:
        _predict(predictor, [raw])
    except Exception as error:
        if not _is_about_a_record(error):
            raise
        said = _GRAPH_NAMES.sub("", first_line(error))
        return DataError(
            f"A value can be decoded. Received one that cannot: {said} Replace it or leave it out.", origin
        )
    return raw


def _predict(predictor: Predictor, raws: Iterable[dict[str, bytes]]) -> list[dict[str, Any]]:
    columns = list(raws)
    if not columns:
        return []
    return answers(
        predictor.contract, predictor.predict({field: [raw[field] for raw in columns] for field in columns[0]})
    )


def _is_about_a_record(error: Exception) -> bool:
    """Whether decoding refused a value: numpy and Pillow say ValueError, a graph says InvalidArgumentError."""
    return isinstance(error, ValueError) or type(error).__name__ == "InvalidArgumentError"
