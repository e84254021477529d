"""Raw values: what a client sends for one field, as bytes or as an array, and what stands for a missing one.

Most kinds of field are one string: UTF-8, or a file. Others are arrays of numbers or strings, whose contract has
`raw: {"shape": [...], "dtype": ...}` without the batch, null where any size is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Raw = bytes | np.ndarray
Facts = Mapping[str, Any]

SCALAR: dict[str, Any] = {"shape": [], "dtype": "string"}


def raw_spec(facts: Facts) -> dict[str, Any]:
    """`shape` (without the batch) and `dtype` of a field's raw value, by what its contract says."""
    return facts.get("raw", SCALAR)


def is_absent(value: Any) -> bool:
    """Whether a raw value stands for a missing field: None, no bytes, nothing but empty strings, or nothing but NaN."""
    if value is None:
        return True
    if not isinstance(value, np.ndarray):
        return len(value) == 0
    if value.dtype.kind == "f":
        return bool(np.isnan(value).all())
    return all(len(cell) == 0 for cell in value.reshape(-1)) if value.dtype == object else value.size == 0


def absent(spec: Facts) -> Raw:
    """The raw value that stands for a missing field: `b""`, or an array of these, or of NaN.

    Args:
        spec: see `raw_spec`.
    """
    if not spec["shape"] and spec["dtype"] == "string":
        return b""
    shape = [1 if size is None else size for size in spec["shape"]]
    return np.full(shape, b"", object) if spec["dtype"] == "string" else np.full(shape, math.nan, spec["dtype"])


def stacked(values: Sequence[Raw | None], spec: Facts) -> list[bytes] | np.ndarray:
    """The values of several records as one batch.

    Args:
        values: one for each record; None where it is missing.
        spec: see `raw_spec`. Where it allows any size, shorter arrays are filled up at their end, as if by missing values.

    Returns:
        A list of bytes for a field that is one string, else an array `(batch, ...)`.
    """
    known = [absent(spec) if value is None else value for value in values]
    if not spec["shape"] and spec["dtype"] == "string":
        return known  # type: ignore[return-value]
    arrays = [np.asarray(value, object if spec["dtype"] == "string" else spec["dtype"]) for value in known]
    shape = [
        max((array.shape[axis] for array in arrays), default=0) if size is None else size
        for axis, size in enumerate(spec["shape"])
    ]
    batch = np.full((len(arrays), *shape), b"" if spec["dtype"] == "string" else math.nan, arrays[0].dtype)
    for row, array in enumerate(arrays):
        batch[row][tuple(slice(size) for size in array.shape)] = array
    return batch


def pick(record: Mapping[str, Any], field: str, columns: Iterable[str]) -> Any:
    """The value of a field in a record: under its own name, or, for a field of several columns, a dict of these.

    Args:
        record: field or column to value.
        field: its name.
        columns: of the field; none for most kinds.

    Returns:
        The value; None where the record has neither the field nor one of its columns.
    """
    if field in record:
        return record[field]
    found = {column: record[column] for column in columns if column in record}
    return found or None


def column_names(facts: Facts) -> list[str]:
    """The columns that a field is made of, by what its contract says; none for most kinds."""
    return [column["name"] for column in facts.get("columns", ())]
