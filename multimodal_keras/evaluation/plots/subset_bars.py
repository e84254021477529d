"""How well a model answers from each subset of its modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from multimodal_keras.evaluation.plots.style import DARK, GREY, LIGHT, Plot, drawn, short
from multimodal_keras.evaluation.table import fields_in_words, number, title


def subset_bars(task: str, subsets: Mapping[str, Mapping[str, Any]], lower_is_better: Sequence[str]) -> Plot:
    """A bar with its interval for each subset, one panel for each headline metric."""
    rows = list(subsets.values())
    metrics = list(next(row for row in rows if not row["reason"])["tasks"][task]["metrics"])
    names = [short(fields_in_words(row["fields"]), 40) for row in rows]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for axes, metric in zip(panels, metrics, strict=True):
            found = [None if row["reason"] else row["tasks"][task]["metrics"][metric] for row in rows]
            _bars(axes, found)
            better = "lower is better" if metric in lower_is_better else "higher is better"
            axes.set_title(f"{title(metric)} ({better})")
        for at, row in enumerate(rows):
            if row["reason"]:
                panels[0].text(0, at, f" {row['reason']}", va="center", color=GREY, fontsize=8.5, clip_on=False)
        panels[0].set_yticks(range(len(rows)), names)
        panels[0].set_ylim(len(rows) - 0.4, -0.6)

    alt = f"{title(metrics[0])} of {task} from each subset of modalities: " + "; ".join(
        f"{name} {number(row['tasks'][task]['metrics'][metrics[0]]['value'])}"
        for name, row in zip(names, rows, strict=True)
        if not row["reason"]
    )
    size = (1.6 + 4.4 * len(metrics), 1.3 + 0.42 * len(rows))
    return drawn(Plot(f"{task}_subsets", "How well each subset answers", f"{alt}.", task), size, draw)


def _bars(axes: Axes, found: Sequence[Mapping[str, Any] | None]) -> None:
    ends = [0.0]
    for at, entry in enumerate(found):
        if entry is None or entry["value"] is None:
            continue
        value = entry["value"]
        low, high = (value, value) if entry["low"] is None else (entry["low"], entry["high"])
        axes.barh(at, value, 0.66, color=DARK if at == len(found) - 1 else LIGHT)
        if entry["low"] is not None:
            axes.plot([low, high], [at, at], color="black", linewidth=1.3, marker="|", markersize=7)
        axes.text(max(high, value, 0.0), at, f"  {number(value)}", va="center", fontsize=9)
        ends += [low, high, value]
    span = (max(ends) - min(ends)) or 1.0
    axes.set_xlim(min(ends) - (0.03 * span if min(ends) < 0 else 0), max(ends) + 0.22 * span)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", visible=False)
