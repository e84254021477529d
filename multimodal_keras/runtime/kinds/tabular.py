"""Tables without TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from multimodal_keras.runtime.cells import read_cells, table_decoder
from multimodal_keras.runtime.columns import BOOLEAN, CATEGORY, DATE, Column, columns_of
from multimodal_keras.runtime.kinds.kind import Decode, Kind
from multimodal_keras.runtime.raw import Facts


def _columns(facts: Facts) -> list[Column]:
    """What reading needs: vocabularies would be copied for every record."""
    return [Column(column["name"], column["kind"]) for column in facts["columns"]]


def _read(value: Any, folder: Any, facts: Facts) -> np.ndarray | None:
    return read_cells(value, _columns(facts))


def _parse(value: Any, facts: Facts) -> np.ndarray:
    cells = read_cells(value, _columns(facts), strict=True)
    return np.full(len(facts["columns"]), b"", object) if cells is None else cells


def _decoder(facts: Facts) -> Decode:
    return table_decoder(columns_of(facts["columns"]))


def _sample(facts: Facts, number: int) -> np.ndarray:
    """Cells around the mean, and of the vocabulary."""
    columns = columns_of(facts["columns"])
    return _parse([_cell(column, number) for column in columns], facts)


def _cell(column: Column, number: int) -> Any:
    if column.kind == CATEGORY:
        vocabulary = column.vocabulary or ["sample"]
        return vocabulary[number % len(vocabulary)]
    if column.kind == BOOLEAN:
        return number % 2 == 0
    if column.kind == DATE:
        return f"{min(max(round(column.mean or 2000), 1), 9999):04}-01-{1 + number % 28:02}"
    return float(np.float32((column.mean or 0.0) + (number % 5 - 2) / 2 * (column.deviation or 1.0)))


TABULAR = Kind(
    "tabular",
    read=_read,
    decoder=_decoder,
    sample=_sample,
    parse=_parse,
    device_facts=frozenset({"missing"}),
    free_facts=frozenset({"columns", "range"}),
)
