"""The formats of answers: what a file begins with, its lines, and what becomes of them at the end."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from multimodal_keras.cli.batch.columns import FLAG, INTEGER, NUMBER, TEXT, TEXTS, columns_of

# Between the labels of one cell, as `MultiLabelHead` reads them by default.
SEPARATOR = "|"
# Cells are Python objects on their way into a row group: this many take about 10 MB.
_CELLS_IN_A_ROW_GROUP = 100_000


class JSONLines:
    """One JSON object in each line: the row's number, and the whole answer.

    Args:
        contract: of the model that answers.
        probabilities: not looked at: each answer has all of its probabilities.
    """

    def __init__(self, contract: Mapping[str, Any], probabilities: bool) -> None:
        del contract, probabilities

    def header(self) -> str:
        """What the file begins with."""
        return ""

    def line(self, answer: Mapping[str, Any]) -> str:
        """What is written for one answer, which has its `row` too."""
        return json.dumps(answer, ensure_ascii=False) + "\n"

    def finish(self, lines: Path) -> Path:
        """The file to put in the output's place, made from all lines."""
        return lines


class CSV(JSONLines):
    """RFC 4180 in UTF-8, with a header; the labels of one cell are joined by `|`.

    Args:
        contract: of the model that answers.
        probabilities: whether each label has a column.
    """

    def __init__(self, contract: Mapping[str, Any], probabilities: bool) -> None:
        self.columns = columns_of(contract, probabilities)

    def header(self) -> str:
        return _csv_line([column.name for column in self.columns])

    def line(self, answer: Mapping[str, Any]) -> str:
        cells = [column.cell(answer) for column in self.columns]
        return _csv_line([SEPARATOR.join(cell) if isinstance(cell, list) else cell for cell in cells])


class Parquet(CSV):
    """Parquet with the columns of the CSV, where labels are a list. Needs pyarrow.

    A Parquet file cannot be gone on with, so its rows wait as JSON lines until the last one is there.
    """

    def __init__(self, contract: Mapping[str, Any], probabilities: bool) -> None:
        try:
            self._arrow = importlib.import_module("pyarrow")
            self._parquet = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise ImportError(
                "A .parquet file is written by pyarrow. Received an environment without it. Install pyarrow, or write "
                ".csv or .jsonl."
            ) from error
        super().__init__(contract, probabilities)

    def header(self) -> str:
        return ""

    def line(self, answer: Mapping[str, Any]) -> str:
        return json.dumps([column.cell(answer) for column in self.columns], ensure_ascii=False) + "\n"

    def finish(self, lines: Path) -> Path:
        made, schema = lines.with_name(f"{lines.name}.parquet"), self._schema()
        with self._parquet.ParquetWriter(made, schema) as writer:
            for cells in _columns_at_once(lines, max(1, _CELLS_IN_A_ROW_GROUP // len(self.columns))):
                columns = [self._arrow.array(column, field.type) for column, field in zip(cells, schema, strict=True)]
                writer.write_table(self._arrow.Table.from_arrays(columns, schema=schema))
        return made

    def _schema(self) -> Any:
        arrow = self._arrow
        types = {INTEGER: arrow.int64(), NUMBER: arrow.float32(), TEXT: arrow.string(), FLAG: arrow.bool_()}
        types[TEXTS] = arrow.list_(arrow.string())
        return arrow.schema([arrow.field(column.name, types[column.kind]) for column in self.columns])


FORMATS: dict[str, type[JSONLines]] = {".jsonl": JSONLines, ".csv": CSV, ".parquet": Parquet}


def format_of(output: Path) -> type[JSONLines]:
    """The format that a file's suffix says.

    Raises:
        ValueError: if it says none.
    """
    if output.suffix.lower() not in FORMATS:
        raise ValueError(f"An output is {', '.join(FORMATS)}. Received {str(output)!r}. Choose one of these suffixes.")
    return FORMATS[output.suffix.lower()]


def _csv_line(cells: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _columns_at_once(lines: Path, rows: int) -> Iterator[list[tuple[Any, ...]]]:
    """The cells of so many lines at once, by column."""
    with lines.open(encoding="utf-8") as file:
        while chunk := [json.loads(line) for line in islice(file, rows)]:
            yield list(zip(*chunk, strict=True))
