"""A report as one HTML file that needs nothing else: no scripts, no other files, no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from multimodal_keras.evaluation.mistakes import Mistake
from multimodal_keras.evaluation.table import fields_in_words, number, promise_lines, title

if TYPE_CHECKING:
    from multimodal_keras.evaluation.plots.style import Plot
    from multimodal_keras.evaluation.report import Report

_TEMPLATE = Path(__file__).with_name("page.html")
_WIDE = ("_subsets", "_confusion", "learning_curves")
_IN_CARDS = "_mistakes"


def page(report: Report, plots: Sequence[Plot]) -> str:
    """The report as HTML.

    Args:
        report: what `evaluate` returned.
        plots: its plots; the mistakes are shown as text and pictures instead.

    Returns:
        A whole HTML document.
    """
    history = [plot for plot in plots if not plot.task]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(f"Evaluation of {report.model}"),
        summary=escape(_summary(report)),
        tasks="\n".join([*(_task(report, task, plots) for task in report.metrics), *_skipped(report.skipped)]),
        history=f"<h2>Training</h2>{_plots(history)}" if history else "",
        method=escape(_method(report.settings)),
        versions="".join(
            f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in report.versions.items()
        ),
    )


def _summary(report: Report) -> str:
    fields = list(report.subsets.values())[-1]["fields"]
    return f"{report.records:,} records · modalities: {', '.join(fields)} · tasks: {', '.join(report.tasks)}"


def _method(settings: Mapping[str, Any]) -> str:
    if not settings["bootstrap"]:
        return "Without intervals: no resampling was asked for."
    return (
        f"Brackets hold 95 % percentile intervals over {settings['bootstrap']:,} resamples of the records "
        f"(seed {settings['seed']}). Differences are paired: each resample draws the same records for both sides."
    )


def _skipped(skipped: Mapping[str, str]) -> list[str]:
    return [f"<h2>{escape(task)}</h2><p>No metrics: {escape(reason)}.</p>" for task, reason in skipped.items()]


def _task(report: Report, task: str, plots: Sequence[Plot]) -> str:
    facts, metrics = report.tasks[task], report.metrics[task]
    headline = report.scores[task].headline
    unit = f", in {facts['unit']}" if facts.get("unit") else ""
    mine = [plot for plot in plots if plot.task == task and not plot.name.endswith(_IN_CARDS)]
    sections = [
        f"<h2>{escape(task)}</h2>",
        f'<p class="soft">{escape(facts["kind"])}{escape(unit)} · {facts["labelled"]:,} labelled records</p>',
        f'<div class="tiles">{"".join(_tile(name, metrics[name]) for name in headline)}</div>',
        f"<h3>Subsets of modalities</h3>{_subsets(task, report.subsets)}",
        _promises(report, task),
        _plots(mine),
        f"<h3>All metrics</h3>{_metrics(metrics)}",
    ]
    if report.per_class.get(task):
        sections.append(f"<h3>Labels</h3>{_per_class(report.per_class[task])}")
    if report.mistakes[task]:
        sections.append(
            f'<h3>Records with the highest loss</h3><div class="cards">{_cards(report.mistakes[task])}</div>'
        )
    return "\n".join(sections)


def _tile(name: str, entry: Mapping[str, Any]) -> str:
    return f'<div class="tile">{escape(title(name))}<b>{number(entry["value"])}</b>{_range(entry)}</div>'


def _range(entry: Mapping[str, Any]) -> str:
    return (
        "" if entry["low"] is None else f'<span class="range">[{number(entry["low"])}, {number(entry["high"])}]</span>'
    )


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return f'<div class="table"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _row(cells: Iterable[str]) -> str:
    """A row of cells that are HTML already."""
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _subsets(task: str, subsets: Mapping[str, Mapping[str, Any]]) -> str:
    metrics = next(list(row["tasks"][task]["metrics"]) for row in subsets.values() if not row["reason"])
    heads = ["modalities", *(head for metric in metrics for head in (title(metric), "against all"))]
    rows = []
    for row in subsets.values():
        name = escape(fields_in_words(row["fields"]))
        if row["reason"]:
            rows.append(
                f'<tr><td>{name}</td><td class="words" colspan="{len(heads) + 1}">{escape(row["reason"])}</td></tr>'
            )
            continue
        found = row["tasks"][task]
        cells = [cell for metric in metrics for cell in _pair(found["metrics"][metric])]
        rows.append(_row([name, *cells, f"{found['records']:,}", f"{row['nothing_present']:,}"]))
    note = (
        ""
        if len(subsets) == 1
        else '<p class="soft">Bold: 0 lies outside of the paired interval of the difference.</p>'
    )
    return _table([*heads, "records", "nothing present"], rows) + note


def _promises(report: Report, task: str) -> str:
    """What a calibrated model promised; nothing for another one."""
    if task not in report.promises:
        return ""
    heads, rows = promise_lines(report.promises[task], report.unusual)
    note = (
        "Coverage: the share of records whose set or interval holds the truth. Expected: where it lies in 95 of 100 cases "
        "if the promise holds, for as many records as it was calibrated and is tested on."
    )
    table = _table(heads, [_row([escape(cell) for cell in cells]) for cells, _ in rows])
    return f'<h3>Promises</h3>{table}<p class="soft">{note}</p>'


def _pair(entry: Mapping[str, Any]) -> tuple[str, str]:
    """A metric, and its difference to the answer from all modalities."""
    value = f"{number(entry['value'])} {_range(entry)}"
    against = entry.get("against_all")
    if against is None:
        return value, "–"
    text = f"{against['value']:+.3f} {_range(against)}" if against["value"] is not None else "–"
    return value, f'<span class="flag">{text}</span>' if against["outside"] else text


def _metrics(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    reasons = any("reason" in entry for entry in metrics.values())
    rows = []
    for name, entry in metrics.items():
        cells = f"<td>{escape(title(name))}</td><td>{number(entry['value'])}</td><td>{_range(entry) or '–'}</td>"
        why = f'<td class="words">{escape(entry.get("reason", ""))}</td>' if reasons else ""
        rows.append(f"<tr>{cells}{why}</tr>")
    return _table(["metric", "value", "95 % interval", *([""] if reasons else [])], rows)


def _per_class(table: Mapping[str, Mapping[str, Any]]) -> str:
    names = list(next(iter(table.values())))
    rows = []
    for label, metrics in table.items():
        cells = [f"{metrics[name]:,}" if name == "records" else number(metrics[name]) for name in names]
        rows.append(_row([escape(label), *cells]))
    return _table(["label", *map(title, names)], rows)


def _plots(plots: Sequence[Plot]) -> str:
    figures = []
    for plot in plots:
        wide = ' class="wide"' if plot.name.endswith(_WIDE) else ""
        image = f'<img src="{_data(plot.png)}" alt="{escape(plot.alt)}">'
        figures.append(f"<figure{wide}><h3>{escape(plot.title)}</h3>{image}</figure>")
    return f'<div class="plots">{"".join(figures)}</div>'


def _cards(mistakes: Sequence[Mistake]) -> str:
    cards = []
    for mistake in mistakes:
        images = [
            f'<img src="{_data(_png(pixels))}" alt="{escape(field)}">' for field, pixels in mistake.images.items()
        ]
        texts = [
            f'<p><span class="soft">{escape(field)}</span> {escape(text)}</p>' for field, text in mistake.texts.items()
        ]
        chance = "" if mistake.chance is None else f" ({mistake.chance:.0%})"
        said = (
            f"<p>truth: <b>{escape(mistake.truth)}</b></p>"
            f'<p class="said">answer: <b>{escape(mistake.answer)}</b>{chance}</p>'
            f'<p class="soft">record {mistake.record:,}, loss {number(mistake.loss)}</p>'
        )
        cards.append(f'<div class="card">{"".join(images + texts)}{said}</div>')
    return "".join(cards)


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
