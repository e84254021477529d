"""TFRecord files of `tf.train.Example`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from multimodal_keras.data.records import Records
from multimodal_keras.errors import DataError, Origin
from multimodal_keras.runtime.rows import Row, clean


def read_tfrecord(path: Path) -> Records:
    """One `tf.train.Example` for each record: a feature of one value is a cell, of several a list, of none None."""
    return Records(partial(_rows, path), folder=path.parent)


def _rows(path: Path) -> Iterator[Row]:
    import tensorflow as tf  # Seconds of import that the other formats do not need.

    file = iter(tf.data.TFRecordDataset(str(path)))
    row = 0
    while True:
        row += 1
        origin = Origin(str(path), row)
        try:
            serialized = next(file, None)
        except tf.errors.OpError as error:
            yield origin, DataError(f"The file is damaged from here on: {error.message}. Write it again.", origin)
            return
        if serialized is None:
            return
        yield origin, _record(origin, serialized.numpy(), tf.train.Example)


def _record(origin: Origin, serialized: bytes, example_class: Any) -> dict[str, Any] | DataError:
    try:
        features = example_class.FromString(serialized).features.feature
    except Exception as error:  # protobuf's DecodeError has another home in each of its implementations
        return DataError(
            f"A record is a tf.train.Example. Received other bytes: {error}. Serialize an Example.", origin
        )
    return {name: _cell(features[name]) for name in sorted(features)}


def _cell(feature: Any) -> Any:
    kind = feature.WhichOneof("kind")
    values = list(getattr(feature, kind).value) if kind else []
    return clean(values[0]) if len(values) == 1 else (values or None)
