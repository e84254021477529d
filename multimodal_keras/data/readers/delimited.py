"""CSV and TSV, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from multimodal_keras.data.readers.text import decode_line, skip_mark
from multimodal_keras.data.records import Records, Row, clean
from multimodal_keras.errors import DataError, Origin


def read_csv(path: Path, delimiter: str = ",") -> Records:
    """Comma-separated values with a header (RFC 4180). Cells are strings, empty ones None; empty lines are left out."""
    return Records(partial(_rows, path, delimiter), folder=path.parent, fields=partial(_header, path, delimiter))


def read_tsv(path: Path) -> Records:
    """Tab-separated values, otherwise like CSV."""
    return read_csv(path, delimiter="\t")


class _Lines:
    """The decoded lines of a binary file. It remembers a bad line instead of stopping: the parser goes on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = skip_mark(file)
        self.problem: str | None = None

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line, problem = decode_line(next(self._file))
        self.problem = self.problem or problem
        return line


def _header(path: Path, delimiter: str) -> list[str]:
    with path.open("rb") as file:
        lines = _Lines(file)
        return _read_header(path, csv.reader(lines, delimiter=delimiter, strict=True), lines)


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


def _rows(path: Path, delimiter: str) -> Iterator[Row]:
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
                yield origin, _record(origin, names, cells, lines.problem)


def _record(origin: Origin, names: list[str], cells: list[str], problem: str | None) -> dict[str, Any] | DataError:
    if problem is None and len(cells) != len(names):
        problem = (
            f"A row has one cell for each of the {len(names)} columns ({', '.join(names)}). Received {len(cells)}. "
            "Quote cells that hold the delimiter, or complete the row."
        )
    if problem is not None:
        return DataError(problem, origin)
    return dict(zip(names, map(clean, cells), strict=True))
