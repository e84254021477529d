"""Attributions as one HTML file that needs nothing else: no scripts, no other files, no network."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from multimodal_keras.attributing.parts import Part
from multimodal_keras.attributing.pictures import plain
from multimodal_keras.attributing.result import (
    ABSENT,
    GRAD_CAM,
    NONE,
    Attributions,
    FieldAttribution,
    RecordAttribution,
    TaskAttribution,
    in_words,
    where,
)

MOST = 100
_BARS = 12
_TEMPLATE = Path(__file__).with_name("page.html")


def page(found: Attributions, pictures: Mapping[str, bytes]) -> str:
    """The attributions of the first hundred records as HTML.

    Args:
        found: all of them.
        pictures: `<number>_<task>_<field>` to the PNG of its map.

    Returns:
        A whole HTML document.
    """
    shown = [_record(number, record, pictures) for number, record in enumerate(found[:MOST], 1)]
    summary = f"{len(found):,} records" + (f", of which these are the first {MOST}" if len(found) > MOST else "")
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        summary=escape(summary), records="\n".join(shown), steps=escape(str(found.settings.get("steps", "")))
    )


def _record(number: int, record: RecordAttribution, pictures: Mapping[str, bytes]) -> str:
    tasks = [_task(f"{number:04}", each, record.contents, pictures) for each in record.values()]
    name = f"{number}. {record.name()}" if record.file else f"Record {number}"
    return f"<section><h2>{escape(name)}</h2>{''.join(tasks)}</section>"


def _task(number: str, found: TaskAttribution, contents: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    largest = max((abs(each.total) for each in found.values()), default=0.0)
    fields = []
    for name, each in found.items():
        png = pictures.get(f"{number}_{found.task}_{name}")
        head = f'<h4>{escape(name)}</h4>{_bar(each.total, largest)}<span class="number">{each.total:+.4f}</span>'
        fields.append(f'<div class="field"><div class="row">{head}</div>{_field(each, contents.get(name), png)}</div>')
    label = f"{found.label} " if found.label is not None else ""
    unit = f" {found.unit}" if found.unit else ""
    facts = (
        f"baseline {found.baseline:.4g} · all fields together {sum(each.total for each in found.values()):+.4g} · "
        f"residual {found.residual:+.2g}"
    )
    return (
        f"<h3>{escape(found.task)}: <b>{escape(f'{label}{found.prediction:.4g}{unit}')}</b></h3>"
        f'<p class="soft">{escape(facts)}</p>{"".join(fields)}'
    )


def _field(found: FieldAttribution, content: Any, png: bytes | None) -> str:
    if found.method in (ABSENT, NONE):
        return f'<p class="soft">{escape(found.why or "absent")}</p>'
    if isinstance(content, str) and found.parts:
        return f'<p class="text">{_text(content, found.parts)}</p>' if _has_places(found) else _bars(found, None)
    if png is not None:
        original = ""
        if isinstance(content, np.ndarray) and content.ndim == 3:
            original = f'<img src="{_data(plain(content))}" alt="{escape(found.field)}">'
        about = in_words(found.method)
        if isinstance(content, np.ndarray) and content.ndim == 3 and found.map is not None:
            about += f": {where(found.map)}"
        alt = f"Map of {found.field}: {about}"
        wide = "" if original else ' class="wide"'
        scale = "what speaks for the answer, dark to bright" if found.method == GRAD_CAM else "orange for, blue against"
        note = f"{about} · {scale}"
        if not isinstance(content, np.ndarray):
            note += " · time from left to right, the first channel or band at the bottom"
        map_image = f'<img src="{_data(png)}" alt="{escape(alt)}">'
        return f"<figure{wide}>{original}{map_image}<figcaption>{escape(note)}</figcaption></figure>"
    return _bars(found, content)


def _has_places(found: FieldAttribution) -> bool:
    return found.kind == "text" and all(part.start is not None for part in found.parts)


def _text(text: str, parts: Sequence[Part]) -> str:
    """The text, each character marked by what its tokens added; tokens share theirs evenly among their characters."""
    values = np.zeros(len(text))
    for part in parts:
        start, end = int(part.start or 0), int(part.end or 0)
        values[start:end] += part.value / max(end - start, 1)
    # Runs of one token keep one colour: what counts is the token's whole value.
    owners = np.full(len(text), -1)
    for number, part in enumerate(parts):
        owners[int(part.start or 0) : int(part.end or 0)] = number
    edges = [0, *(np.flatnonzero((np.diff(owners) != 0) | (np.diff(values) != 0)) + 1).tolist(), len(text)]
    runs = [(text[start:end], values[start:end].sum()) for start, end in itertools.pairwise(edges)]
    largest = max((abs(value) for _, value in runs), default=0.0) or 1.0
    return "".join(_mark(piece, value, abs(value) / largest) for piece, value in runs)


def _mark(piece: str, value: float, share: float) -> str:
    if not share > 0.02:
        return escape(piece)
    side = "for" if value > 0 else "against"
    strong = " strong" if share > 0.7 else ""
    return f'<span class="{side}{strong}" style="--s:{share:.2f}" title="{value:+.4f}">{escape(piece)}</span>'


def _bars(found: FieldAttribution, content: Any) -> str:
    parts = found.largest(_BARS)
    largest = max((abs(part.value) for part in parts), default=0.0)
    cells = content if isinstance(content, Mapping) else {}
    rows = []
    for part in parts:
        cell = f' <span class="soft">{escape(cells[part.name] or "(missing)")}</span>' if part.name in cells else ""
        rows.append(
            f"<tr><td>{escape(part.name)}{cell}</td><td>{_bar(part.value, largest)}</td>"
            f'<td class="number">{part.value:+.4f}</td></tr>'
        )
    more = len(found.parts) - len(parts)
    note = f'<p class="soft">and {more:,} more that did less</p>' if more else ""
    return f"<table>{''.join(rows)}</table>{note}"


def _bar(value: float, largest: float) -> str:
    """A bar from the middle: to the right for, to the left against."""
    share = abs(value) / largest if largest else 0.0
    side = "for" if value >= 0 else "against"
    return f'<span class="bar"><i class="{side}" style="width:{50 * share:.1f}%"></i></span>'


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
