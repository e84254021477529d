"""The metric of every fusion against what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multimodal_keras.evaluation.plots.style import ACCENT, DARK, LIGHT, Plot, drawn, short
from multimodal_keras.evaluation.table import number, title

if TYPE_CHECKING:
    from multimodal_keras.comparing.result import Comparison, Row


def pareto_plot(found: Comparison, task: str) -> Plot:
    """Fusions as points; those that no other one beats in both respects are joined and named.

    Args:
        found: with a finished training at least.
        task: whose metric goes up.
    """
    front = found.front(task)
    rows = [row for row in found.sorted_by(task) if row.tasks and _cost(found, row) is not None]
    metric = title(found.tasks[task]["metric"])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for row in rows:
            _point(axes, found, task, row, row.name in front)
        line = sorted((_cost(found, row) or 0.0, row.tasks[task].value) for row in rows if row.name in front)
        axes.plot([x for x, _ in line], [y for _, y in line], color=ACCENT, linewidth=1.2, zorder=2)
        axes.set_xscale("log")
        axes.set(xlabel="TFLite, ms a record" if found.timed else "parameters", ylabel=f"{metric} of {short(task)}")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.tick_params(axis="x", which="both", labelsize=8)

    said = "; ".join(f"{row.name} {number(row.tasks[task].value)}" for row in rows if row.name in front)
    alt = f"{metric} of {task} against cost; beaten by no other fusion in both: {said}."
    return drawn(Plot(f"pareto_{task}", "What a fusion gives and costs", alt, task), (8.0, 5.4), draw)


def _point(axes: Axes, found: Comparison, task: str, row: Row, in_front: bool) -> None:
    score, cost = row.tasks[task], _cost(found, row) or 0.0
    is_reference = row.name == found.reference
    colour = ACCENT if in_front else DARK if is_reference else LIGHT
    axes.plot(cost, score.value, "o", color=colour, markersize=7 if in_front or is_reference else 5, zorder=3)
    name = row.name.removesuffix("Fusion")
    strong = in_front or is_reference
    axes.annotate(
        name,
        (cost, score.value),
        xytext=(5, 4 if strong else -3),
        textcoords="offset points",
        fontsize=8.5 if strong else 6,
        color=colour if strong else "#6b6b6b",
        fontweight="bold" if in_front else "normal",
    )


def _cost(found: Comparison, row: Row) -> float | None:
    if not found.timed:
        return row.parameters
    return None if row.tflite_seconds is None else row.tflite_seconds * 1e3
