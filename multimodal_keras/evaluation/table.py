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


def promise_lines(
    rows: Mapping[str, Mapping[str, Any]], unusual: Mapping[str, float]
) -> tuple[list[str], list[tuple[list[str], str | None]]]:
    """A table of what a calibrated model promised for one task, and of what came of it, in the form of `subset_lines`.

    Args:
        rows: subset to a row of `promise_rows`.
        unusual: subset to the share of records that are called unusual.
    """
    first = next(iter(rows.values()))
    heads, cells = ["modalities"], {name: [fields_in_words(name.split("+"))] for name in rows}
    if "coverage" in first:
        heads += ["promised", "coverage", "expected", "mean size", "empty"]
        for name, row in rows.items():
            expected = "–" if row["low"] is None else f"{number(row['low'])} to {number(row['high'])}"
            broken = "" if row["kept"] in (True, None) else " (outside)"
            cells[name] += [number(row["promised"]), f"{number(row['coverage'])}{broken}", expected]
            cells[name] += [number(row["size"]), number(row["empty"])]
    if "accepted" in first:
        heads += ["accepted", "of these right"]
        for name, row in rows.items():
            cells[name] += [number(row["accepted"]), number(row["right"])]
    if unusual:
        heads.append("unusual")
        for name in rows:
            cells[name].append(number(unusual[name]))
    heads.append("records")
    return heads, [([*cells[name], str(row["records"])], None) for name, row in rows.items()]


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
