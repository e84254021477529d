"""Records as rows with their origin: from CSV, TSV and JSONL files, or from memory. Python and numpy only."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from multimodal_keras.errors import DataError, Origin

MEMORY = "<memory>"

# A row that cannot be read is handed on as its DataError, so that whoever reads on may leave it out.
Row = tuple[Origin, "dict[str, Any] | DataError"]

_MARK = b"\xef\xbb\xbf"


def rows_of(records: Iterable[dict[str, Any]], file: str = MEMORY) -> Iterator[Row]:
    """Number dict records from 1, and clean their cells."""
    for row, record in enumerate(records, 1):
        yield Origin(file, row), {name: clean(cell) for name, cell in record.items()}


def clean(cell: Any) -> Any:
    """A cell as every reader gives it: None for an empty one or NaN, Python's own type for a numpy scalar."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if cell is None or (isinstance(cell, (str, bytes)) and not cell):
        return None
    if isinstance(cell, float) and cell != cell:
        return None
    return None if type(cell).__name__ in ("NAType", "NaTType") else cell


def jsonl_rows(path: Path) -> Iterator[Row]:
    """One JSON object in each line of UTF-8; empty lines are left out."""
    with path.open("rb") as file:
        lines = (line for line in _skip_mark(file) if line.strip())
        for row, line in enumerate(lines, 1):
            origin = Origin(str(path), row)
            yield origin, _json_record(origin, line)


def _json_record(origin: Origin, line: bytes) -> dict[str, Any] | DataError:
    text, problem = _decode_line(line)
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


def csv_header(path: Path, delimiter: str = ",") -> list[str]:
    """The names of the columns.

    Raises:
        DataError: if there are none, one is there twice, or the line cannot be read.
    """
    with path.open("rb") as file:
        lines = _Lines(file)
        return _read_header(path, csv.reader(lines, delimiter=delimiter, strict=True), lines)


def csv_rows(path: Path, delimiter: str = ",") -> Iterator[Row]:
    """The rows below a header (RFC 4180) in UTF-8. Cells are strings, empty ones None; empty lines are left out."""
    with path.open("rb") as file:
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        names = _read_header(path, reader, lines)
        row = 0
        while True:
            origin, lines.problem = Origin(str(path), row + 1), None
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                problem = (
                    f"A row is valid CSV. Received {error}. Quote cells that hold delimiters, line breaks or quotes."
                )
                row += 1
                yield origin, DataError(problem, origin)
                continue
            if cells:
                row += 1
                yield origin, _csv_record(origin, names, cells, lines.problem)


class _Lines:
    """The decoded lines of a binary file. It remembers a bad line instead of stopping: the parser goes on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = _skip_mark(file)
        self.problem: str | None = None

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line, problem = _decode_line(next(self._file))
        self.problem = self.problem or problem
        return line


def _read_header(path: Path, reader: Any, lines: _Lines) -> list[str]:
    try:
        names: list[str] = next((cells for cells in reader if cells), [])
    except csv.Error as error:
        raise DataError(
            f"{path}, header: it is not valid: {error}. Write the file again as UTF-8 with quoted cells."
        ) from error
    if lines.problem:
        raise DataError(f"{path}, header: {lines.problem}")
    if not names or len(set(names)) < len(names):
        raise DataError(
            f"{path}, header: the first line names the columns, each name once. Received {names}. Add or repair it."
        )
    return names


def _csv_record(origin: Origin, names: list[str], cells: list[str], problem: str | None) -> dict[str, Any] | DataError:
    if problem is None and len(cells) != len(names):
        problem = (
            f"A row has one cell for each of the {len(names)} columns ({', '.join(names)}). Received {len(cells)}. "
            "Quote cells that hold the delimiter, or complete the row."
        )
    if problem is not None:
        return DataError(problem, origin)
    return dict(zip(names, map(clean, cells), strict=True))


def _skip_mark(file: BinaryIO) -> BinaryIO:
    """Start after the byte order mark, if there is one."""
    if file.read(len(_MARK)) != _MARK:
        file.seek(0)
    return file


def _decode_line(line: bytes) -> tuple[str, str | None]:
    """The text of a line, and what is wrong with it or None."""
    try:
        return line.decode("utf-8"), None
    except UnicodeDecodeError as error:
        problem = (
            f"Text is UTF-8. Received the byte 0x{line[error.start]:02x} as number {error.start + 1} of its line. "
            "Save the file as UTF-8."
        )
        return line.decode("utf-8", "replace"), problem
