"""JSON lines: one object for each record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from multimodal_keras.data.readers.text import decode_line, skip_mark
from multimodal_keras.data.records import Records, Row, clean
from multimodal_keras.errors import DataError, Origin


def read_jsonl(path: Path) -> Records:
    """One JSON object in each line; empty lines are left out."""
    return Records(partial(_rows, path), folder=path.parent)


def _rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        lines = (line for line in skip_mark(file) if line.strip())
        for row, line in enumerate(lines, 1):
            origin = Origin(str(path), row)
            yield origin, _record(origin, line)


def _record(origin: Origin, line: bytes) -> dict[str, Any] | DataError:
    text, problem = decode_line(line)
    if problem:
        return DataError(problem, origin)
    try:
        record = json.loads(text)
    except ValueError as error:
        return DataError(
            f"A line is one JSON object. Received bad JSON: {error}. Write each record with json.dumps.", origin
        )
    if not isinstance(record, dict):
        return DataError(
            f"A line is one JSON object. Received {type(record).__name__}. Write each record as a dict.", origin
        )
    return {name: clean(cell) for name, cell in record.items()}
