"""Time series without TensorFlow: from what a record holds to `float32 (steps, channels)`, NaN where nothing was measured.

`docs/decoding.md` has the definition in words; `modalities/timeseries.py` repeats the last step of it in TensorFlow.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.reading import is_missing

KEEPS = ("start", "end", "middle")
_FORMS = "Pass a list of rows, an array (steps, channels), a dict of columns, or the path of a .npy or .csv file."


def read_series(value: Any, folder: Path | None, channels: int | None, names: Sequence[str] | None) -> Any:
    """A record's value as a time series.

    Args:
        value: rows of numbers (None or NaN where one is missing), an array `(steps, channels)` or, of one channel,
            `(steps,)`; a dict of channel to numbers; or the path of a `.npy` file or of a `.csv` file with a header or
            without.
        folder: the folder to which a path is relative.
        channels: how many there are; None to take any number.
        names: of the channels in their order; None if they have none. A dict and a file's header are read by them.

    Returns:
        `float32 (steps, channels)` without the missing steps at its end; None where nothing was measured.

    Raises:
        ValueError: if it is none of these, a number is infinite, or the number of channels is another one.
    """
    if isinstance(value, (str, Path)) and not is_missing(value):
        value = _read_file(Path(folder or ".", value), names)
    return series_of(value, channels, names)


def series_of(value: Any, channels: int | None, names: Sequence[str] | None) -> Any:
    """The same for a value in memory; a path is none."""
    if is_missing(value):
        return None
    if isinstance(value, Mapping):
        value = _columns(value, names)
    series = _numbers(value)
    if series.ndim == 1:
        series = series[:, None]
    if series.ndim != 2 or (channels is not None and series.shape[1] != channels and series.size):
        wanted = "channels" if channels is None else f"{channels} {'channel' if channels == 1 else 'channels'}"
        raise ValueError(f"A time series has the shape (steps, {wanted}). Received {series.shape}. {_FORMS}")
    if np.isinf(series).any():
        step = int(np.argmax(np.isinf(series).any(axis=1))) + 1
        raise ValueError(
            f"A time series holds finite float32 numbers, NaN where one is missing. Received infinity in step {step}. "
            "Replace it."
        )
    length = measured_steps(series)
    return series[:length] if length else None


def parse_series(value: Any, channels: int | None, names: Sequence[str] | None) -> np.ndarray:
    """The same for a value in a client's JSON: rows, or an object of columns; null is missing. It never opens a file.

    Raises:
        ValueError: if it is something else, or a number is none.
    """
    rows = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise ValueError(f"A time series is an array of steps. Received {type(value).__name__}. Send rows of numbers.")
    for row in rows:
        for number in row if isinstance(row, list) else [row]:
            if number is not None and type(number) not in (int, float):
                raise ValueError(
                    f"A time series holds numbers, or null where one is missing. Received {type(number).__name__}. Send "
                    "rows of numbers."
                )
    series = series_of(value, channels, names)
    return np.full((1, channels or 1), np.nan, np.float32) if series is None else series


def measured_steps(series: np.ndarray) -> int:
    """How many steps there are up to the last one that has a number."""
    measured = np.flatnonzero(~np.isnan(series).all(axis=1)) if series.size else np.empty(0, int)
    return int(measured[-1]) + 1 if len(measured) else 0


def cropped(series: np.ndarray, steps: int, keep: str) -> np.ndarray:
    """At most `steps` steps: the first, the last, or those in the middle (one less before than after, if they are odd)."""
    series = series[: measured_steps(series)]
    spare = max(len(series) - steps, 0)
    first = {"start": 0, "end": spare, "middle": spare // 2}[keep]
    return series[first : first + steps]


def decode_series(series: np.ndarray, steps: int, channels: int, keep: str) -> np.ndarray:
    """Exactly `steps` steps: cropped, or filled up with NaN at the end.

    Args:
        series: `float32 (any, channels)`.
        steps: how many.
        channels: how many.
        keep: `"start"`, `"end"` or `"middle"` of a longer one.

    Returns:
        `float32 (steps, channels)`.

    Raises:
        ValueError: for another number of channels, or an infinite number.
    """
    series = series_of(np.asarray(series, np.float32), channels, None)
    tensor = np.full((steps, channels), np.nan, np.float32)
    if series is not None:
        part = cropped(series, steps, keep)
        tensor[: len(part)] = part
    return tensor


def _columns(columns: Mapping[str, Any], names: Sequence[str] | None) -> np.ndarray:
    if names is None or set(names) - set(columns):
        raise ValueError(
            f"A dict of columns has a column for each channel: {'none is named' if names is None else ', '.join(names)}. "
            f"Received {', '.join(map(str, columns))}. Name the channels: TimeSeriesModality(channels=[...])."
        )
    found = [_numbers(columns[name]) for name in names]
    if len({column.shape for column in found}) != 1 or found[0].ndim != 1:
        shapes = ", ".join(str(column.shape) for column in found)
        raise ValueError(f"The channels of a time series are equally long. Received {shapes}. Fill gaps with NaN.")
    return np.stack(found, axis=1)


def _numbers(value: Any) -> np.ndarray:
    try:
        if np.asarray(value).dtype.kind in "SU":
            raise TypeError
        # A number beyond float32 becomes infinite, and is refused.
        with np.errstate(over="ignore"):
            return np.asarray(value, np.float64).astype(np.float32)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"A time series holds numbers, and as many in each step. Received a {type(value).__name__} that is no such "
            f"array. {_FORMS}"
        ) from None


def _read_file(path: Path, names: Sequence[str] | None) -> np.ndarray:
    suffix = path.suffix.lower()
    try:
        if suffix == ".npy":
            return np.load(path, allow_pickle=False)
        if suffix == ".csv":
            return _read_csv(path, names)
    except OSError as error:
        raise ValueError(
            f"The path of a time series is relative to the file of its record. Received {path.name!r}, and {path} cannot "
            f"be read ({error.strerror or error}). Correct it, or leave the cell empty and declare optional=True."
        ) from None
    except (ValueError, EOFError) as error:
        raise ValueError(f"A time series can be read from {path.name!r}. Received: {error} Write it again.") from None
    raise ValueError(f"A time series' file is .npy or .csv. Received {path.name!r}. {_FORMS}")


def _read_csv(path: Path, names: Sequence[str] | None) -> np.ndarray:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    if len(set(map(len, rows))) > 1:
        raise ValueError("Its rows have different numbers of cells.")
    header = rows.pop(0) if rows and not all(map(_is_number, rows[0])) else None
    if header and names:
        lacking = [name for name in names if name not in header]
        if lacking:
            raise ValueError(f"The header lacks {', '.join(lacking)}; it has {', '.join(header)}.")
        rows = [[row[header.index(name)] for name in names] for row in rows]
    return np.array([[float(cell) if cell.strip() else np.nan for cell in row] for row in rows], np.float64)


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True
