"""Vectors that were computed elsewhere, without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.reading import is_missing

_FORMS = "Pass a list of numbers, an array, or the path of a .npy file."


def read_vector(value: Any, folder: Path | None, width: int | None) -> np.ndarray | None:
    """A record's value as a vector.

    Args:
        value: numbers, or the path of a `.npy` file.
        folder: the folder to which a path is relative.
        width: how many numbers there are; None to take any.

    Returns:
        `float32 (width,)`; None where it is missing: None, empty, or nothing but NaN.

    Raises:
        ValueError: if it is none of these, has another width, or a number is infinite or NaN.
    """
    if isinstance(value, (str, Path)) and not is_missing(value):
        value = _read_file(Path(folder or ".", value))
    if is_missing(value):
        return None
    try:
        if np.asarray(value).dtype.kind in "SU":
            raise TypeError
        with np.errstate(over="ignore"):
            vector = np.asarray(value, np.float64).astype(np.float32)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"A vector holds numbers. Received a {type(value).__name__} that holds others. {_FORMS}"
        ) from None
    return checked_vector(vector, width)


def checked_vector(vector: np.ndarray, width: int | None) -> np.ndarray | None:
    """The vector, if it is one; None where it is missing.

    Raises:
        ValueError: for another shape, or a number that is infinite, or NaN among numbers.
    """
    if vector.size == 0 or np.isnan(vector).all():
        return None
    if vector.ndim != 1 or width not in (None, vector.shape[0]):
        raise ValueError(f"A vector has the shape ({width or 'any'},). Received {vector.shape}. {_FORMS}")
    if not np.isfinite(vector).all():
        place = int(np.argmin(np.isfinite(vector))) + 1
        raise ValueError(
            f"A vector holds finite float32 numbers; only a missing one is NaN, as a whole. Received {vector[place - 1]} "
            f"as number {place}. Replace it."
        )
    return vector


def parse_vector(value: Any, width: int) -> np.ndarray:
    """The same for an array in a client's JSON, where null stands for NaN; all NaN where it is missing.

    Raises:
        ValueError: if it is something else.
    """
    if not isinstance(value, list) or any(number is not None and type(number) not in (int, float) for number in value):
        raise ValueError("A vector is an array of numbers. Received something else. Send [0.1, -0.2, ...].")
    vector = read_vector(value, None, width)
    return np.full(width, np.nan, np.float32) if vector is None else vector


def _read_file(path: Path) -> np.ndarray:
    if path.suffix.lower() != ".npy":
        raise ValueError(f"A vector's file is .npy. Received {path.name!r}. {_FORMS}")
    try:
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise ValueError(
            f"The path of a vector is relative to the file of its record. Received {path.name!r}, and {path} cannot be read "
            f"({error.strerror or error}). Correct it, or leave the cell empty and declare optional=True."
        ) from None
    except (ValueError, EOFError) as error:
        raise ValueError(f"A vector can be read from {path.name!r}. Received: {error} Write it again.") from None
