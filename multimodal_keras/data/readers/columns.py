"""Records from columns in memory: a pandas frame or a dict of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multimodal_keras.data.records import Records
from multimodal_keras.runtime.rows import Row, rows_of

if TYPE_CHECKING:
    import pandas


def read_frame(frame: pandas.DataFrame) -> Records:
    """The rows of a pandas frame; the index is not a column.

    Raises:
        ValueError: if a column's name is no string, or there twice.
    """
    names = _check_names(list(frame.columns))

    def rows() -> Iterator[Row]:
        return rows_of(dict(zip(names, cells, strict=True)) for cells in frame.itertuples(index=False, name=None))

    return Records(rows, fields=names, length=len(frame))


def read_columns(columns: Mapping[str, Sequence[Any]]) -> Records:
    """The rows of equally long columns: lists, or arrays whose first axis counts the records.

    Raises:
        ValueError: if the columns differ in length, or a name is no string.
    """
    names = _check_names(list(columns))
    lengths = {name: len(columns[name]) for name in names}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"Columns have one length. Received {', '.join(f'{name}: {length}' for name, length in lengths.items())}. "
            "Give each record a cell in each column, None where it has none."
        )
    length = next(iter(lengths.values()), 0)

    def rows() -> Iterator[Row]:
        return rows_of({name: columns[name][row] for name in names} for row in range(length))

    return Records(rows, fields=names, length=length)


def _check_names(names: list[Any]) -> list[str]:
    if any(not isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError(f"Columns have different names, which are strings. Received {names}. Rename them.")
    return names
