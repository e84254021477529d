"""Cells of a table: from a record's values to texts, and from texts to numbers. Python and numpy only.

`modalities/table_graph.py` does the second half as TensorFlow ops; `docs/decoding.md` defines both.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from multimodal_keras.runtime.columns import (
    BOOLEAN,
    CATEGORY,
    DATE,
    DATE_PARTS,
    FIRST_ID,
    MISSING_ID,
    NUMBER,
    UNSEEN_ID,
    Column,
    in_tensor,
)

# Both halves read these patterns, with Python's `re` and with RE2.
NUMBER_PATTERN = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
NAN_PATTERN = r"[+-]?[nN][aA][nN]"
DATE_PATTERN = (
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:([0-5][0-9]|60)([.,][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")
LONGEST_CELL = 1024
# From the one on float32 has infinity, below the other numbers that processors take for zero.
LIMIT, SMALLEST = float(2**128 - 2**103), float(np.finfo(np.float32).tiny)
HOLDS = {
    NUMBER: "numbers that float32 can hold, such as 34.5 or 1e-3",
    BOOLEAN: "true, false, yes, no, 1 or 0",
    DATE: "dates by ISO 8601, such as 2024-02-29 or 2024-02-29T13:45",
    CATEGORY: f"texts of at most {LONGEST_CELL} bytes",
}
_NUMBER, _NAN, _DATE = (re.compile(text.encode()) for text in (NUMBER_PATTERN, NAN_PATTERN, DATE_PATTERN))
_BOOLEANS = {text.encode(): float(text in TRUE) for text in (*TRUE, *FALSE)}
FNV_START, FNV_PRIME = 2166136261, 16777619
_MISSING_TYPES = ("NAType", "NaTType")


def read_cells(value: Any, columns: Sequence[Column], *, strict: bool = False) -> np.ndarray | None:
    """The raw value of a field of several columns.

    Args:
        value: column to cell; or the cells in the order of the columns; or, of a single column, its cell. A cell is a
            number, a text, a boolean, a date, or None.
        columns: of the field.
        strict: whether a name that is no column is refused.

    Returns:
        `(columns,)` UTF-8 texts (bytes in an object array), `b""` for missing ones; None if there is no value.

    Raises:
        ValueError: for a cell that its column does not hold; it names the column.
    """
    if value is None:
        return None
    cells = np.empty(len(columns), object)
    cells[:] = [_checked(cell, column) for cell, column in zip(_in_order(value, columns, strict), columns, strict=True)]
    return cells


def _in_order(value: Any, columns: Sequence[Column], strict: bool) -> list[Any]:
    names = [column.name for column in columns]
    if isinstance(value, Mapping):
        strangers = sorted(str(name) for name in value if name not in names) if strict else []
        if strangers:
            raise ValueError(f"The columns are {', '.join(names)}. Received {strangers[0]!r} too. Leave it out.")
        return [value.get(name) for name in names]
    if isinstance(value, np.ndarray) and value.ndim:
        value = list(value)
    if isinstance(value, (list, tuple)) and len(value) == len(columns):
        return list(value)
    if isinstance(value, (list, tuple)) or len(columns) != 1:
        received = f"{len(value)} cells" if isinstance(value, (list, tuple)) else f"one {type(value).__name__}"
        raise ValueError(
            f"A table's field has a cell for each of the columns {', '.join(names)}. Received {received}. Send an object of "
            "column to cell, or a list of cells in this order."
        )
    return [value]


def cell_text(value: Any, kind: str | None) -> bytes:
    """A cell as text, `b""` for a missing one. Numbers without decimals are written as integers.

    Raises:
        ValueError: if it is no number, text, boolean, date or None, or not UTF-8.
    """
    if isinstance(value, np.generic):
        value = str(value) if isinstance(value, np.datetime64) else value.item()
        value = None if value == "NaT" else value
    if value is None or type(value).__name__ in _MISSING_TYPES or value != value:
        return b""
    if isinstance(value, bool):
        return str(int(value)).encode() if kind == NUMBER else str(value).lower().encode()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, (int, float, decimal.Decimal)):
        return str(value).encode()
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat().encode()
    if isinstance(value, bytes):
        value.decode("utf-8")
        return value.strip()
    if isinstance(value, str):
        return value.encode("utf-8").strip()
    raise ValueError(f"Received {'an object' if isinstance(value, Mapping) else type(value).__name__}.")


def _checked(value: Any, column: Column) -> bytes:
    try:
        cell = cell_text(value, column.kind)
        if column.kind is not None:
            _PARSERS[column.kind](cell)
        return cell
    except ValueError:
        raise _refusal(value, column) from None


def _refusal(value: Any, column: Column) -> ValueError:
    value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    shown = repr(value) if len(repr(value)) <= 60 else f"{type(value).__name__} of length {len(repr(value))}"
    return ValueError(
        f"The column {column.name!r} holds {HOLDS[column.kind or CATEGORY]}. Received {shown}. Correct it, or leave it "
        "empty."
    )


def parse_number(cell: bytes) -> float:
    """A number as it goes into float32; NaN for a missing one."""
    cell = _short(cell)
    if not cell or _NAN.fullmatch(cell):
        return math.nan
    if not _NUMBER.fullmatch(cell) or abs(value := float(cell)) >= LIMIT:
        raise ValueError("no number")
    return value if abs(value) >= SMALLEST else 0.0


def parse_boolean(cell: bytes) -> float:
    """1 or 0; NaN for a missing one."""
    cell = _short(cell).lower()
    if cell and cell not in _BOOLEANS:
        raise ValueError("no boolean")
    return _BOOLEANS.get(cell, math.nan)


def parse_date(cell: bytes) -> tuple[float, ...]:
    """Year, month, day, weekday (Monday is 0) and hour (with the minutes as its fraction); NaN for a missing one."""
    cell = _short(cell)
    if not cell:
        return (math.nan,) * len(DATE_PARTS)
    if not _DATE.fullmatch(cell):
        raise ValueError("no date")
    date = datetime.date(int(cell[:4]), int(cell[5:7]), int(cell[8:10]))
    minutes = 60 * int(cell[11:13]) + int(cell[14:16]) if len(cell) > 10 else 0
    return (*map(float, (date.year, date.month, date.day, date.weekday())), minutes / 60)


def parse_category(cell: bytes) -> bytes:
    """The text that is looked up or hashed; `b""` for a missing one."""
    return _short(cell)


def _short(cell: bytes) -> bytes:
    if len(cell) > LONGEST_CELL:
        raise ValueError("too long")
    return cell.strip()


_PARSERS: dict[str, Callable[[bytes], Any]] = {
    NUMBER: parse_number,
    BOOLEAN: parse_boolean,
    DATE: parse_date,
    CATEGORY: parse_category,
}


def fnv1a(text: bytes) -> int:
    """The 32-bit FNV-1a hash of a text."""
    value = FNV_START
    for byte in text:
        value = (value ^ byte) * FNV_PRIME % 2**32
    return value


def parse_column(cells: Iterable[bytes], column: Column) -> np.ndarray:
    """One column's cells as numbers, `float64 (batch, size)`; categories as their texts, `object (batch, 1)`.

    Raises:
        ValueError: for a cell that the column does not hold; it names the column.
    """
    parse = _PARSERS[str(column.kind)]
    found = []
    for cell in cells:
        try:
            found.append(parse(cell))
        except ValueError:
            raise _refusal(cell, column) from None
    return np.array(found, object if column.kind == CATEGORY else np.float64).reshape(-1, column.size)


def table_decoder(columns: Sequence[Column]) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """A function from raw values, each `(columns,)` texts, to the tensor `float32 (batch, numbers)`."""
    place = {column.name: number for number, column in enumerate(columns)}
    ids = {column.name: _identifier(column) for column in columns if column.kind == CATEGORY}

    def decode(rows: Sequence[np.ndarray]) -> np.ndarray:
        blocks = []
        for column in in_tensor(columns):
            block = parse_column([row[place[column.name]] for row in rows], column)
            if column.kind == CATEGORY:
                block = np.array([[ids[column.name](text)] for text in block[:, 0]], np.float64).reshape(-1, 1)
            blocks.append(block)
        return np.concatenate(blocks, axis=1).astype(np.float32)

    return decode


def _identifier(column: Column) -> Callable[[bytes], int]:
    if column.hash_buckets is not None:
        buckets = column.hash_buckets
        return lambda text: FIRST_ID + fnv1a(text) % buckets if text else MISSING_ID
    known = {text.encode("utf-8"): number for number, text in enumerate(column.vocabulary or (), FIRST_ID)}
    return lambda text: known.get(text, UNSEEN_ID) if text else MISSING_ID
