"""Plots of tasks with labels: what is taken for what, ROC and precision-recall curves, and calibration."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import metrics as sk

from multimodal_keras.evaluation.calibration import BINS, bins, share_interval
from multimodal_keras.evaluation.classification import ClassificationScores
from multimodal_keras.evaluation.multilabel import MultiLabelScores
from multimodal_keras.evaluation.plots.style import (
    ACCENT,
    COLOURS,
    DARK,
    GREY,
    LIGHT,
    Plot,
    compact,
    drawn,
    short,
    thinned,
    unit_square,
)
from multimodal_keras.evaluation.table import number

_MOST_NUMBERS = 30
Pair = tuple[np.ndarray, np.ndarray]

_GRID = np.linspace(0.0, 1.0, 201)


def confusion(task: str, scores: ClassificationScores) -> Plot:
    """The confusion matrix: rows are the truth; colours are shares of a row, numbers are records."""
    cells = scores.confusion()
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    side = min(3.2 + 0.42 * len(cells), 15.0)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.grid(False)
        picture = axes.imshow(shares, COLOURS, vmin=0, vmax=1)
        _name_cells(axes, [short(label) for label in scores.labels])
        if len(cells) <= _MOST_NUMBERS:
            _number_cells(axes, cells, shares)
        figure.colorbar(picture, ax=axes, shrink=0.7, label="share of the true label's records")

    alt = f"Confusion matrix of {task}: {int(scores.right.sum())} of {len(scores.truth)} records lie on the diagonal."
    return drawn(Plot(f"{task}_confusion", "Confusion matrix", alt, task), (side + 0.8, side), draw)


def _name_cells(axes: Axes, names: list[str]) -> None:
    ticks = range(0, len(names), math.ceil(len(names) / 40))
    shown = [names[tick] for tick in ticks]
    axes.set_xticks(ticks, shown, rotation=45 if len(names) > 3 else 0, ha="right" if len(names) > 3 else "center")
    axes.xaxis.set_tick_params(rotation_mode="anchor") if len(names) > 3 else None
    axes.set_yticks(ticks, shown)
    axes.set(xlabel="answer", ylabel="truth")


def _number_cells(axes: Axes, cells: np.ndarray, shares: np.ndarray) -> None:
    for row, column in np.argwhere(cells).tolist():
        colour = "black" if shares[row, column] > 0.48 else "white"
        text = compact(int(cells[row, column]))
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def curves(task: str, scores: ClassificationScores | MultiLabelScores) -> list[Plot]:
    """The ROC and the precision-recall curve, micro and macro averaged; none if no label is split."""
    truth = scores.one_hot if isinstance(scores, ClassificationScores) else scores.truth
    split = np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0))
    if not len(split):
        return []
    everything = (truth.ravel(), scores.chances.ravel())
    pairs = [(truth[:, k], scores.chances[:, k]) for k in split]
    return [_roc(task, everything, pairs), _precision_recall(task, everything, pairs)]


def _roc(task: str, everything: Pair, pairs: list[Pair]) -> Plot:
    micro, macro = sk.roc_auc_score(*everything), np.mean([sk.roc_auc_score(*pair) for pair in pairs])

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        false, true, _ = sk.roc_curve(*everything)
        mean = np.mean([np.interp(_GRID, *sk.roc_curve(*pair)[:2]) for pair in pairs], axis=0)
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
        axes.plot(thinned(false), thinned(true), color=DARK, linewidth=2, label=f"micro, area {micro:.3f}")
        across, up = np.concatenate([[0.0], _GRID]), np.concatenate([[0.0], mean])
        axes.plot(across, up, color=ACCENT, linewidth=2, linestyle="--", label=f"macro, area {macro:.3f}")
        unit_square(axes, "false positive rate", "true positive rate")
        axes.legend(loc="lower right")

    alt = f"ROC curve of {task}: area {micro:.3f} micro averaged, {macro:.3f} macro averaged."
    return drawn(Plot(f"{task}_roc", "ROC curve", alt, task), (5.2, 5.2), draw)


def _precision_recall(task: str, everything: Pair, pairs: list[Pair]) -> Plot:
    micro = sk.average_precision_score(*everything)
    macro = np.mean([sk.average_precision_score(*pair) for pair in pairs])

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        precision, recall, _ = sk.precision_recall_curve(*everything)
        mean = np.mean([_steps(*pair) for pair in pairs], axis=0)
        axes.axhline(everything[0].mean(), color=GREY, linestyle=":", label="chance (micro)")
        axes.plot(thinned(recall), thinned(precision), color=DARK, linewidth=2, label=f"micro, average {micro:.3f}")
        axes.plot(_GRID, mean, color=ACCENT, linewidth=2, linestyle="--", label=f"macro, average {macro:.3f}")
        unit_square(axes, "recall", "precision")
        axes.legend(loc="best")

    alt = f"Precision-recall curve of {task}: average precision {micro:.3f} micro, {macro:.3f} macro averaged."
    return drawn(Plot(f"{task}_precision_recall", "Precision-recall curve", alt, task), (5.2, 5.2), draw)


def _steps(truth: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The precision at each recall of the grid, in steps: at the highest threshold that reaches this recall."""
    precision, recall, _ = sk.precision_recall_curve(truth, chances)
    return precision[::-1][np.searchsorted(recall[::-1], _GRID)]


def reliability(task: str, scores: ClassificationScores | MultiLabelScores) -> Plot:
    """Whether answers of 80 % come true in 80 % of cases, with the number of answers in each bin."""
    if isinstance(scores, ClassificationScores):
        confidence, right, across = scores.confidence, scores.right, "confidence in the answer"
    else:
        confidence, right, across = scores.chances.ravel(), scores.truth.ravel(), "probability of a label"
    answers, stated, true = bins(confidence, right)
    error = float(np.sum(answers * np.abs(stated - true)) / answers.sum())
    middles, filled = (np.arange(BINS) + 0.5) / BINS, answers > 0
    low, high = share_interval(np.round(true * answers)[filled], answers[filled])

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.3])
        above.bar(middles, true, 0.92 / BINS, color=LIGHT, label="came true")
        above.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="perfectly calibrated")
        errors = [true[filled] - low, high - true[filled]]
        above.errorbar(middles[filled], true[filled], errors, fmt="none", ecolor=GREY, elinewidth=1, capsize=2)
        above.plot(stated[filled], true[filled], "o", color=DARK, markersize=5, label="mean confidence of the bin")
        above.set(ylim=(0, 1.02), ylabel="share that came true", title=f"expected calibration error {number(error)}")
        above.legend(loc="upper left")
        below.bar(middles, answers, 0.92 / BINS, color=DARK)
        for middle, count in zip(middles[filled], answers[filled].tolist(), strict=True):
            below.text(middle, count, compact(count), ha="center", va="bottom", fontsize=8)
        below.set(xlim=(0, 1), xlabel=across, ylabel="answers", ylim=(0, answers.max() * 1.25))
        below.grid(False)

    alt = (
        f"Reliability diagram of {task}: expected calibration error {number(error)} over {int(answers.sum())} answers."
    )
    return drawn(Plot(f"{task}_reliability", "Calibration", alt, task), (5.2, 5.6), draw)


def risk_coverage(task: str, scores: ClassificationScores) -> Plot:
    """How many of the answers are right if only the surest ones are accepted.

    Reference:
        Geifman and El-Yaniv, Selective Classification for Deep Neural Networks (arXiv:1705.08500).
    """
    right = scores.right[np.argsort(-scores.confidence, kind="stable")]
    area = float(np.mean(1 - np.cumsum(right) / np.arange(1, len(right) + 1)))
    kept = thinned(np.arange(1, len(right) + 1))
    hits = np.cumsum(right)[kept - 1]
    share, accuracy = kept / len(right), hits / kept
    low, high = share_interval(hits, kept)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.fill_between(share, low, high, color=LIGHT, alpha=0.4, linewidth=0, label="95 % interval")
        axes.plot(share, accuracy, color=DARK, linewidth=2, label=f"mean risk {area:.3f}")
        axes.axhline(float(right.mean()), color=GREY, linestyle=":", label="all answers")
        unit_square(axes, "share of answers that are accepted, the surest first", "of these right")
        axes.legend(loc="lower left")

    alt = f"Accuracy of {task} against the share of answers that are accepted: mean risk {area:.3f}."
    return drawn(Plot(f"{task}_risk_coverage", "Accepting the surest answers only", alt, task), (5.2, 5.2), draw)
