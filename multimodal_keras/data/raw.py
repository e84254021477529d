"""From records to raw values: what a client of the model would send."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tensorflow as tf

from multimodal_keras.base import Modality
from multimodal_keras.data.records import Records
from multimodal_keras.errors import DataError, Origin, check_on_error
from multimodal_keras.runtime.raw import absent, is_absent, pick, stacked
from multimodal_keras.runtime.rows import Row


class ErrorLog:
    """What becomes of records that cannot be used: the first one raises, or all are left out and listed.

    Args:
        on_error: `"raise"` or `"skip"`.
        entries: the list to fill; a new one if None.

    Attributes:
        entries: dicts `{"file", "row", "field", "reason"}`, one for each record and field, in any order.

    Raises:
        ValueError: for another way to take errors.
    """

    def __init__(self, on_error: str = "raise", entries: list[dict[str, Any]] | None = None) -> None:
        check_on_error(on_error)
        self.on_error = on_error
        self.entries: list[dict[str, Any]] = [] if entries is None else entries
        self._known = {self._key(entry) for entry in self.entries}
        self._lock = Lock()

    @property
    def skips(self) -> bool:
        """Whether records that cannot be used are left out."""
        return self.on_error == "skip"

    def report(self, error: DataError) -> None:
        """Raise the error or list it. The same one again (in the next epoch) is listed once."""
        if not self.skips:
            raise error
        origin = error.origin
        entry = {
            "file": origin.file if origin else None,
            "row": origin.row if origin else None,
            "field": error.field,
            "reason": error.reason,
        }
        self.add(entry)

    def add(self, entry: dict[str, Any]) -> None:
        """List an entry that is not listed yet."""
        with self._lock:
            if self._key(entry) not in self._known:
                self._known.add(self._key(entry))
                self.entries.append(entry)

    @staticmethod
    def _key(entry: Mapping[str, Any]) -> tuple[Any, ...]:
        return entry["file"], entry["row"], entry["field"]


@dataclass(frozen=True)
class RawBatch:
    """Some records, and what a client would send for them.

    Attributes:
        raw: field to an array `(batch, *raw_spec().shape)`; strings are bytes in an object array, `b""` if missing.
        origins: where each record came from.
        records: the records themselves.
    """

    raw: dict[str, np.ndarray]
    origins: list[Origin]
    records: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.records)

    def without(self, rows: Collection[int]) -> RawBatch:
        """The batch without some of its records, numbered from 0."""
        kept = [row for row in range(len(self)) if row not in rows]
        return RawBatch(
            {field: values[kept] for field, values in self.raw.items()},
            [self.origins[row] for row in kept],
            [self.records[row] for row in kept],
        )


def raw_batches(
    records: Records,
    modalities: Mapping[str, Modality],
    batch_size: int = 32,
    *,
    on_error: str = "raise",
    skipped: list[dict[str, Any]] | None = None,
) -> Iterator[RawBatch]:
    """Raw values in the order of the records, batch by batch: for prediction, evaluation and parity checks.

    Args:
        records: the records; they need no labels.
        modalities: field to modality.
        batch_size: records in a batch; the last one may be smaller, and those with skipped records are.
        on_error: `"raise"`, or `"skip"` to leave out records that cannot be read.
        skipped: a list that gets `{"file", "row", "field", "reason"}` for each of these.

    Yields:
        `RawBatch`, never empty.

    Raises:
        DataError: if a record cannot be read, or lacks a required field.
        ValueError: for a `batch_size` below 1, or another `on_error`.
    """
    log = ErrorLog(on_error, skipped)
    for rows in chunks(records.attempts(), batch_size):
        batch = read_rows(rows, modalities, records.folder, log)
        if len(batch):
            yield batch


def chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Lists of `size` rows; the last one may be shorter."""
    if size < 1:
        raise ValueError(f"A batch has at least one record. Received batch_size={size}. Pass 1 or more.")
    stream = iter(rows)
    while chunk := list(itertools.islice(stream, size)):
        yield chunk


def read_rows(rows: Iterable[Row], modalities: Mapping[str, Modality], folder: Path | None, log: ErrorLog) -> RawBatch:
    """Read the values of some rows; rows that cannot be read go to the log."""
    columns: dict[str, list[Any]] = {field: [] for field in modalities}
    origins, records = [], []
    for origin, record in rows:
        try:
            if isinstance(record, DataError):
                raise record
            values = {field: _read(record, field, modality, folder, origin) for field, modality in modalities.items()}
        except DataError as error:
            log.report(error)
            continue
        for field, value in values.items():
            columns[field].append(value)
        origins.append(origin)
        records.append(record)
    raw = {field: _stack(values, modalities[field]) for field, values in columns.items()}
    return RawBatch(raw, origins, records)


def _read(record: dict[str, Any], field: str, modality: Modality, folder: Path | None, origin: Origin) -> Any:
    try:
        value = modality.read(pick(record, field, modality.columns), folder)
        if not is_absent(value):
            return _raw_value(value, modality)
        if not modality.optional:
            raise ValueError(missing_message())
        return absent(_facts(modality))
    except DataError as error:
        raise DataError(error.reason, origin, field) from error
    except (ValueError, TypeError, OSError) as error:
        raise DataError(str(error), origin, field) from error


def missing_message() -> str:
    """What is wrong with a record that lacks a required field."""
    return "A required field has a value in each record. Received an empty one. Declare optional=True, or fill it."


def _raw_value(value: Any, modality: Modality) -> Any:
    spec = modality.raw_spec()
    if spec.dtype == tf.string and spec.shape.rank == 0:
        return value.encode() if isinstance(value, str) else value
    array = np.asarray(value, spec.dtype.as_numpy_dtype)
    if not spec.shape.is_compatible_with(array.shape):
        raise ValueError(f"Its raw value has the shape {tuple(spec.shape)}. Received {array.shape}. Correct the value.")
    return array


def _facts(modality: Modality) -> dict[str, Any]:
    spec = modality.raw_spec()
    return {"shape": list(spec.shape), "dtype": spec.dtype.name}


def _stack(values: list[Any], modality: Modality) -> np.ndarray:
    if not values:
        spec = modality.raw_spec()
        return np.empty((0, *(size or 0 for size in spec.shape)), spec.dtype.as_numpy_dtype)
    batch = stacked(values, _facts(modality))
    if isinstance(batch, np.ndarray):
        return batch
    # Not np.array: it would make fixed-width strings of them, and cut zeros off their ends.
    strings = np.empty(len(batch), object)
    strings[:] = batch
    return strings
