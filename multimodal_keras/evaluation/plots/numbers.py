"""Plots of numbers: predictions against truth, and learning curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from multimodal_keras.evaluation.plots.style import ACCENT, COLOURS, DARK, Plot, drawn
from multimodal_keras.evaluation.regression import RegressionScores
from multimodal_keras.evaluation.table import title

_MOST_POINTS = 4000
_VALIDATION = "val_"


def scatter(task: str, scores: RegressionScores, unit: str | None) -> Plot:
    """Predicted against true numbers; many records as density."""
    both = np.concatenate([scores.truth, scores.answer])
    margin = 0.04 * (np.ptp(both) or 1.0)
    ends = (both.min() - margin, both.max() + margin)
    suffix = f" ({unit})" if unit else ""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        if len(scores.truth) > _MOST_POINTS:
            found = axes.hexbin(scores.truth, scores.answer, gridsize=50, bins="log", mincnt=1, cmap=COLOURS)
            figure.colorbar(found, ax=axes, shrink=0.7, label="records")
        else:
            axes.plot(scores.truth, scores.answer, "o", color=DARK, alpha=0.45, markersize=5, markeredgewidth=0)
        axes.plot(ends, ends, color=ACCENT, linestyle="--", label="perfect")
        axes.set(xlim=ends, ylim=ends, xlabel=f"truth{suffix}", ylabel=f"answer{suffix}", aspect="equal")
        axes.legend(loc="upper left")

    alt = f"Predicted against true {task} of {len(scores.truth)} records; the nearer to the diagonal the better."
    return drawn(Plot(f"{task}_scatter", "Predicted against true", alt, task), (5.4, 5.2), draw)


def learning(history: Mapping[str, Sequence[float]]) -> Plot:
    """One panel for each metric, training and validation together."""
    names = list(dict.fromkeys(name.removeprefix(_VALIDATION) for name in history))
    columns = min(len(names), 2)
    rows = math.ceil(len(names) / columns)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, name in zip(panels, names, strict=False):
            lines = ((name, "training", DARK, "-"), (f"{_VALIDATION}{name}", "validation", ACCENT, "--"))
            for key, label, colour, style in lines:
                values = history.get(key, ())
                if len(values):
                    epochs = range(1, len(values) + 1)
                    axes.plot(epochs, values, style, color=colour, marker="o", markersize=3, label=label)
            axes.set(title=title(name), xlabel="epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend(loc="best")
        for axes in panels[len(names) :]:
            axes.set_axis_off()

    alt = f"Learning curves over {max(map(len, history.values()))} epochs: {', '.join(map(title, names))}."
    return drawn(Plot("learning_curves", "Learning curves", alt), (5.2 * columns, 3.2 * rows), draw)
