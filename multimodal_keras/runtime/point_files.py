"""Files of points: NumPy's, PLY (text, or binary with the lowest byte first), and text with a point in each line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

POINT_FILES = (".npy", ".ply", ".xyz", ".txt", ".pts")
_PLY_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "<i2"),
    **dict.fromkeys(("ushort", "uint16"), "<u2"),
    **dict.fromkeys(("int", "int32"), "<i4"),
    **dict.fromkeys(("uint", "uint32"), "<u4"),
    **dict.fromkeys(("float", "float32"), "<f4"),
    **dict.fromkeys(("double", "float64"), "<f8"),
}
_MOST_HEADER_LINES = 200


def read_points_file(path: Path, width: int) -> np.ndarray:
    """The first `width` numbers of each point in a file.

    Args:
        path: of a `.npy`, `.ply`, `.xyz`, `.pts` or `.txt` file. Of a PLY file the element `vertex` is read, which has to be
            its first.
        width: how many; a file may hold more.

    Returns:
        `(points, width)`, or fewer columns if the file has fewer.

    Raises:
        ValueError: if it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in POINT_FILES:
        raise ValueError(f"A point cloud's file is {', '.join(POINT_FILES)}. Received {path.name!r}. Convert it.")
    try:
        if suffix == ".npy":
            points = np.load(path, allow_pickle=False)
        elif suffix == ".ply":
            points = _read_ply(path)
        else:
            rows = (line.replace(",", " ").split() for line in path.read_text(encoding="utf-8").splitlines())
            points = _table([row for row in rows if row and not row[0].startswith("#")])
    except OSError as error:
        raise ValueError(
            f"The path of a point cloud is relative to the file of its record. Received {path.name!r}, and {path} cannot be "
            f"read ({error.strerror or error}). Correct it, or leave the cell empty and declare optional=True."
        ) from None
    except (ValueError, EOFError, IndexError, KeyError) as error:
        raise ValueError(f"A point cloud can be read from {path.name!r}. Received: {error} Write it again.") from None
    return points[:, :width] if points.ndim == 2 else points


def _table(rows: list[list[str]]) -> np.ndarray:
    if len(set(map(len, rows))) > 1:
        raise ValueError("Its lines have different numbers of cells.")
    return np.array([[float(cell) for cell in row] for row in rows], np.float64)


def _read_ply(path: Path) -> np.ndarray:
    data = path.read_bytes()
    head, found, body = data.partition(b"end_header")
    lines = [line.split() for line in head.decode("ascii", "replace").splitlines()[:_MOST_HEADER_LINES] if line.split()]
    elements = [place for place, line in enumerate(lines) if line[0] == "element"]
    if not found or lines[:1] != [["ply"]] or not elements or lines[elements[0]][1] != "vertex":
        raise ValueError("It is no PLY file that begins with its vertices.")
    behind = [*elements, len(lines)][1]
    properties = [line for line in lines[elements[0] : behind] if line[0] == "property"]
    count, names = int(lines[elements[0]][2]), [line[-1] for line in properties]
    form = next(line[1] for line in lines if line[0] == "format")
    body = body.partition(b"\n")[2]
    if form == "ascii":
        table = _table([line.split() for line in body.decode("ascii").splitlines()[:count]])
    elif form == "binary_little_endian":
        dtype = np.dtype([(name, _PLY_TYPES[line[1]]) for name, line in zip(names, properties, strict=True)])
        records = np.frombuffer(body, dtype, count)
        table = np.stack([records[name].astype(np.float64) for name in names], axis=1)
    else:
        raise ValueError(f"Its format is {form}, not ascii or binary_little_endian.")
    if len(table) != count:
        raise ValueError(f"It ends after {len(table)} of {count} vertices.")
    first = [names.index(name) for name in "xyz"]
    return table[:, [*first, *(place for place in range(len(names)) if place not in first)]]
