"""CSV and TSV, row by row."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from multimodal_keras.data.records import Records
from multimodal_keras.runtime.rows import csv_header, csv_rows


def read_csv(path: Path, delimiter: str = ",") -> Records:
    """Comma-separated values with a header (RFC 4180). Cells are strings, empty ones None; empty lines are left out."""
    return Records(partial(csv_rows, path, delimiter), folder=path.parent, fields=partial(csv_header, path, delimiter))


def read_tsv(path: Path) -> Records:
    """Tab-separated values, otherwise like CSV."""
    return read_csv(path, delimiter="\t")
