"""Point clouds without TensorFlow: from what a record holds to a fixed number of points.

`docs/decoding.md` has the definition in words; `modalities/points_graph.py` repeats it in TensorFlow, to the bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.point_files import read_points_file
from multimodal_keras.runtime.reading import is_missing

SAMPLINGS = ("farthest", "even")
# Farthest-point sampling looks at this many times as many points as it keeps: its cost is bounded whatever is sent.
LOOKED_AT = 16
_FORMS = "Pass an array (points, 3 + features), a list of rows, or the path of a .npy, .ply, .xyz or .txt file."


def read_points(value: Any, folder: Path | None, width: int) -> np.ndarray | None:
    """A record's value as a point cloud.

    Args:
        value: an array `(points, width)`, rows of numbers, or the path of a file.
        folder: the folder to which a path is relative.
        width: 3 and the features; a file's columns behind these are left out.

    Returns:
        `float32 (points, width)` without the points that have a NaN; None where there is none.

    Raises:
        ValueError: if it is none of these, or a number is infinite.
    """
    if isinstance(value, (str, Path)) and not is_missing(value):
        value = read_points_file(Path(folder or ".", value), width)
    return points_of(value, width)


def points_of(value: Any, width: int) -> np.ndarray | None:
    """The same for a value in memory; a path is none."""
    if is_missing(value):
        return None
    try:
        if np.asarray(value).dtype.kind in "SU":
            raise TypeError
        with np.errstate(over="ignore"):
            points = np.asarray(value, np.float64).astype(np.float32)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"A point cloud holds numbers, and as many for each point. Received a {type(value).__name__} that is no such "
            f"array. {_FORMS}"
        ) from None
    if points.size == 0:
        return None
    if points.ndim != 2 or points.shape[1] != width:
        raise ValueError(f"A point cloud has the shape (points, {width}). Received {points.shape}. {_FORMS}")
    if np.isinf(points).any():
        row = int(np.argmax(np.isinf(points).any(axis=1))) + 1
        raise ValueError(
            f"A point cloud holds finite float32 numbers. Received infinity in point {row}. Replace it, or leave it out."
        )
    points = points[~np.isnan(points).any(axis=1)]
    return points if len(points) else None


def parse_points(value: Any, width: int) -> np.ndarray:
    """The same for an array in a client's JSON; null is NaN, and its point is left out. It never opens a file.

    Raises:
        ValueError: if it is something else.
    """
    good = isinstance(value, list) and all(isinstance(row, list) for row in value)
    if not good or any(number is not None and type(number) not in (int, float) for row in value for number in row):
        raise ValueError("A point cloud is an array of points. Received something else. Send [[x, y, z], ...].")
    points = points_of(value, width)
    return np.full((1, width), np.nan, np.float32) if points is None else points


def sampled(points: np.ndarray, count: int, sampling: str) -> np.ndarray:
    """At most `count` of the points.

    Args:
        points: `float32 (any, width)` without NaN.
        count: how many are wanted.
        sampling: `"farthest"`, or `"even"`: evenly by their order.
    """
    if len(points) <= count:
        return points
    if sampling == "even":
        return points[_evenly(len(points), count)]
    if len(points) > LOOKED_AT * count:
        points = points[_evenly(len(points), LOOKED_AT * count)]
    return points[farthest_points(points[:, :3], count)]


def farthest_points(places: np.ndarray, count: int) -> np.ndarray:
    """Which points farthest-point sampling chooses: the first one, then each time the one that is farthest from all chosen.

    Args:
        places: `float32 (points, 3)`, at least `count`.
        count: how many.

    Returns:
        `int (count,)`, in the order in which they are chosen; of equally far ones the first.
    """
    chosen = np.zeros(count, np.int64)
    nearest = np.full(len(places), np.inf, np.float32)
    for number in range(1, count):
        apart = places - places[chosen[number - 1]]
        squares = apart * apart
        # One after the other, as in the graph: another order of the sum would round otherwise.
        nearest = np.minimum(nearest, squares[:, 0] + squares[:, 1] + squares[:, 2])
        chosen[number] = np.argmax(nearest)
    return chosen


def decode_points(points: np.ndarray, count: int, width: int, sampling: str) -> np.ndarray:
    """Exactly `count` points: sampled, or repeated in turn.

    Args:
        points: `float32 (any, width)`.
        count: how many.
        width: 3 and the features.
        sampling: see `sampled`.

    Returns:
        `float32 (count, width)`; NaN where there is no point.

    Raises:
        ValueError: for another width, or an infinite number.
    """
    found = points_of(points, width)
    if found is None:
        return np.full((count, width), np.nan, np.float32)
    return sampled(found, count, sampling)[np.arange(count) % min(len(found), count)]


def _evenly(known: int, count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int64) * known // count
