"""Numbers and tables to read, in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TITLES = {
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "roc_auc": "ROC-AUC",
    "log_loss": "log-loss",
    "f1": "F1",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
}


def title(metric: str) -> str:
    """A metric's name to read."""
    return TITLES.get(metric, metric.replace("_", " "))


def number(value: float | None) -> str:
    """Three decimals, or as many digits for large ones; a dash for None."""
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def with_interval(entry: Mapping[str, Any]) -> str:
    """`0.812 [0.780, 0.843]`."""
    text = number(entry["value"])
    return text if entry["low"] is None else f"{text} [{number(entry['low'])}, {number(entry['high'])}]"


def fields_in_words(fields: Sequence[str]) -> str:
    """`image + title`."""
    return " + ".join(fields)


def subset_lines(
    task: str, subsets: Mapping[str, Mapping[str, Any]]
) -> tuple[list[str], list[tuple[list[str], str | None]]]:
    """A table of the subsets for one task.

    Returns:
        The heads of the columns, and rows: the cells, and a reason instead of all but the first cell if there is one.
    """
    metrics = next((list(row["tasks"][task]["metrics"]) for row in subsets.values() if not row["reason"]), [])
    rows: list[tuple[list[str], str | None]] = []
    for row in subsets.values():
        cells = [fields_in_words(row["fields"])]
        if not row["reason"]:
            found = row["tasks"][task]
            cells += [with_interval(found["metrics"][metric]) for metric in metrics]
            cells += [str(found["records"]), str(row["nothing_present"])]
        rows.append((cells, row["reason"]))
    return ["modalities", *map(title, metrics), "records", "nothing present"], rows


def plain(heads: Sequence[str], rows: Sequence[tuple[Sequence[str], str | None]]) -> Iterator[str]:
    """A table in aligned columns; a reason stands right of the first cell."""
    cells = [list(row) for row, reason in rows if reason is None]
    widths = [max([len(head), *(len(row[at]) for row in cells)]) for at, head in enumerate(heads)]
    widths[0] = max([len(heads[0]), *(len(row[0]) for row, _ in rows)])
    yield "  ".join(head.ljust(width) for head, width in zip(heads, widths, strict=True)).rstrip()
    yield "  ".join("-" * width for width in widths)
    for row, reason in rows:
        if reason is None:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        else:
            yield f"{row[0].ljust(widths[0])}  {reason}"
