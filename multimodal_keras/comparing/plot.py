"""The metric of every fusion against what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from multimodal_keras.evaluation.plots.style import ACCENT, DARK, GREY, LIGHT, Plot, compact, drawn, short
from multimodal_keras.evaluation.table import number, title

if TYPE_CHECKING:
    from multimodal_keras.comparing.result import Comparison, Row

# Where a name may stand beside its point: points across and up, and the side from which it is written.
_PLACES = [(across, up, side) for up in (0, 7, -7, 13, -13, 19, -19) for across, side in ((6, "left"), (-6, "right"))]


def pareto_plot(found: Comparison, task: str) -> Plot:
    """Fusions as points; those that no other one beats in both respects are joined and named.

    Args:
        found: with a finished training at least.
        task: whose metric goes up.
    """
    front = found.front(task)
    rows = [row for row in found.sorted_by(task) if row.tasks and not math.isnan(_cost(found, row))]
    metric = title(found.tasks[task]["metric"])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        line = sorted((_cost(found, row), row.tasks[task].value) for row in rows if row.name in front)
        axes.plot([x for x, _ in line], [y for _, y in line], color=ACCENT, linewidth=1.2, zorder=2)
        axes.set_xscale("log")
        axes.set(xlabel="TFLite, ms a record" if found.timed else "parameters", ylabel=f"{metric} of {short(task)}")
        for at in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            at("{x:g}" if found.timed else lambda x, _: compact(round(x)))
        axes.tick_params(axis="x", which="both", labelsize=8)
        points = [_point(axes, found, task, row, row.name in front) for row in rows]
        axes.margins(x=0.12, y=0.06)
        _name(figure, axes, sorted(points, key=lambda point: not point.strong))

    said = "; ".join(f"{row.name} {number(row.tasks[task].value)}" for row in rows if row.name in front)
    alt = f"{metric} of {task} against cost; beaten by no other fusion in both: {said}."
    return drawn(Plot(f"pareto_{task}", "What a fusion gives and costs", alt, task), (8.0, 5.4), draw)


@dataclass(frozen=True)
class _Point:
    x: float
    y: float
    name: str
    strong: bool
    style: dict[str, Any]


def _point(axes: Axes, found: Comparison, task: str, row: Row, in_front: bool) -> _Point:
    x, y = _cost(found, row), row.tasks[task].value
    strong = in_front or row.name == found.reference
    colour = ACCENT if in_front else DARK if strong else LIGHT
    axes.plot(x, y, "o", color=colour, markersize=7 if strong else 5, zorder=3)
    style = {"fontsize": 8.5 if strong else 6.5, "color": colour if strong else GREY}
    return _Point(x, y, row.name.removesuffix("Fusion"), strong, style)


def _name(figure: Figure, axes: Axes, points: Sequence[_Point]) -> None:
    """Write each name where no other name and no point is, if there is such a place around its point."""
    figure.draw_without_rendering()  # now it is known where everything lies
    taken = [Bbox.from_extents(x - 4, y - 4, x + 4, y + 4)
             for x, y in axes.transData.transform([(point.x, point.y) for point in points])]  # fmt: skip
    for point in points:
        for place in _PLACES:
            text = _written(axes, point, place)
            box = text.get_window_extent()
            inside = axes.bbox.x0 < box.x0 and box.x1 < figure.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
            text.remove()
        else:
            box = _written(axes, point, _PLACES[0]).get_window_extent()
        taken.append(box)


def _written(axes: Axes, point: _Point, place: tuple[float, float, str]) -> Text:
    at = {"xytext": place[:2], "textcoords": "offset points", "ha": place[2], "va": "center"}
    return axes.annotate(point.name, (point.x, point.y), **at, **point.style)  # type: ignore[arg-type]


def _cost(found: Comparison, row: Row) -> float:
    seconds = row.tflite_seconds
    return float(row.parameters or 0) if not found.timed else float("nan") if seconds is None else seconds * 1e3
