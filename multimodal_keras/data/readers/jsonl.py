"""JSON lines: one object for each record."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from multimodal_keras.data.records import Records
from multimodal_keras.runtime.rows import jsonl_rows


def read_jsonl(path: Path) -> Records:
    """One JSON object in each line; empty lines are left out."""
    return Records(partial(jsonl_rows, path), folder=path.parent)
