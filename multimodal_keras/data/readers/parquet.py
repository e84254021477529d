"""Parquet, streamed in small batches of rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from multimodal_keras.data.records import Records
from multimodal_keras.errors import DataError, Origin
from multimodal_keras.runtime.rows import Row, rows_of

_ROWS_AT_ONCE = 256


def read_parquet(path: Path) -> Records:
    """The rows of one Parquet file. Nested columns become lists and dicts.

    Raises:
        DataError: if the file is not Parquet.
    """
    with _open(path) as file:
        names, length = list(file.schema_arrow.names), file.metadata.num_rows
    return Records(partial(_rows, path), folder=path.parent, fields=names, length=length)


def _open(path: Path) -> Any:
    # Imported here: each pyarrow wants a numpy of its time, and the other formats want no pyarrow.
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise DataError(f"{path}: this is no readable Parquet file: {error}. Write it again.") from error


def _rows(path: Path) -> Iterator[Row]:
    from pyarrow import ArrowException

    row = 0
    with _open(path) as file:
        batches = file.iter_batches(batch_size=_ROWS_AT_ONCE, use_threads=False)
        try:
            for batch in batches:
                for _, record in rows_of(batch.to_pylist()):
                    row += 1
                    yield Origin(str(path), row), record
        except (ArrowException, OSError) as error:
            origin = Origin(str(path), row + 1)
            yield origin, DataError(f"The file is damaged from here on: {error}. Write it again.", origin)
