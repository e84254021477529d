"""The tables of a comparison, in plain text and in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from multimodal_keras.evaluation.table import fields_in_words, number, plain, title

if TYPE_CHECKING:
    from multimodal_keras.comparing.result import Comparison, Row

Cells = list[tuple[list[str], str | None]]


def text_table(found: Comparison, task: str) -> str:
    """One task's table in aligned columns."""
    heads, rows = _columns(found, task)
    return "\n".join([f"{task}: {title(found.tasks[task]['metric'])}", *plain(heads, rows)])


def markdown_table(found: Comparison, task: str) -> str:
    """One task's table in Markdown."""
    heads, rows = _columns(found, task)
    lines = [_line(heads), _line(["---", *["---:"] * (len(heads) - 1)])]
    for cells, reason in rows:
        whole = cells if reason is None else [cells[0], reason, *[""] * (len(heads) - 2)]
        lines.append(_line([cell.replace("|", "\\|") for cell in whole]))
    return "\n".join(lines)


def notes(found: Comparison) -> list[str]:
    """What a reader has to know about the numbers, in sentences."""
    counts = ", ".join(f"{facts['records']:,} with {task}" for task, facts in found.tasks.items())
    done = [row for row in found.rows if row.tasks]
    seeds = f"Mean of {len(found.seeds)} seeds" if len(found.seeds) > 1 else "One seed"
    said = [f"{seeds}, on test records ({counts})."]
    if any(len(row.seeds) < len(found.seeds) for row in found.rows):
        trained = sum(len(row.seeds) for row in found.rows)
        said.append(f"Not finished: {trained} of {len(found.rows) * len(found.seeds)} trainings.")
    rivals = len(done) - 1
    if rivals > 0 and found.settings["bootstrap"]:
        chance = f"; of {rivals} such intervals about {round(rivals / 20)} would by chance alone" if rivals > 10 else ""
        said.append(
            f"Brackets: 95 % intervals of the difference to {found.reference}, paired by record and seed, "
            f"{found.settings['bootstrap']:,} resamples; * where 0 lies outside{chance}."
        )
        if len(found.seeds) == 1:
            said.append("With one seed they do not say what another seed would do, which may be as much.")
    said += [*_subsets(done), *_times(found)]
    return said


def _subsets(rows: Sequence[Row]) -> list[str]:
    names = next((list(score.subsets) for row in rows for score in row.tasks.values()), [])
    if len(names) < 2:
        return []
    words = "; ".join(fields_in_words(name.split("+")) for name in names)
    return [f"Some missing: the mean over every set of modalities ({words})."]


def _times(found: Comparison) -> list[str]:
    load = found.machine.get("load")
    busy = f", where {load[0]:.1f} to {load[1]:.1f} processes wanted one" if load else ""
    said = f"Training: what all threads worked, on {found.machine['cores']} cores{busy}."
    if not found.timed:
        return [said]
    load = found.machine.get("load_of_timing")
    busy = f", while {load:.1f} processes wanted one" if load else ""
    way = "SavedModel: one raw record, decoding included; TFLite: one record's tensors, one thread"
    return [said, f"{way}; medians, taken in turn{busy}."]


def _columns(found: Comparison, task: str) -> tuple[list[str], Cells]:
    """Heads and cells; a column in which nobody has anything is left out."""
    rows = found.sorted_by(task)
    chosen = [
        (head, cell)
        for head, cell in _every_column(found, task)
        if head == "fusion" or any(cell(row) for row in rows if row.tasks)
    ]
    cells: Cells = [
        ([row.name], row.error or "not finished") if not row.tasks else ([cell(row) or "–" for _, cell in chosen], None)
        for row in rows
    ]
    return [head for head, _ in chosen], cells


def _every_column(found: Comparison, task: str) -> list[tuple[str, Callable[[Row], str]]]:
    front = found.front(task)
    uneven = any(len(row.seeds) < len(found.seeds) for row in found.rows if row.tasks)
    return [
        ("fusion", lambda row: row.name + (" (front)" if row.name in front else "")),
        (title(found.tasks[task]["metric"]), lambda row: number(row.tasks[task].value)),
        (f"against {found.reference}", lambda row: _against(row.tasks[task].against)),
        ("some missing", lambda row: _or_empty(row.tasks[task].area, number)),
        ("seeds", lambda row: str(len(row.seeds)) if uneven else ""),
        ("parameters", lambda row: f"{row.parameters:,}"),
        ("training, CPU s", lambda row: _or_empty(row.cpu_seconds, lambda value: f"{value:.1f}")),
        ("SavedModel ms", lambda row: _or_empty(row.savedmodel_seconds, lambda value: f"{value * 1e3:.2f}")),
        ("TFLite ms", lambda row: _or_empty(row.tflite_seconds, lambda value: f"{value * 1e3:.3f}")),
        ("SavedModel MB", lambda row: _or_empty(row.savedmodel_bytes, _megabytes)),
        ("TFLite MB", lambda row: _or_empty(row.tflite_bytes, _megabytes)),
        ("went wrong", lambda row: row.error or ""),
    ]


def _against(difference: dict[str, Any] | None) -> str:
    if difference is None:
        return ""
    around = "" if difference["low"] is None else f" [{difference['low']:+.3f}, {difference['high']:+.3f}]"
    return f"{difference['value']:+.3f}{around}{'*' if difference['outside'] else ''}"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.2f}"


def _or_empty(value: float | None, write: Callable[[float], str]) -> str:
    return "" if value is None else write(value)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
