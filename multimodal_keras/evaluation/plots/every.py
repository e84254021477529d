"""All plots of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multimodal_keras.evaluation.classification import ClassificationScores
from multimodal_keras.evaluation.multilabel import MultiLabelScores
from multimodal_keras.evaluation.plots import labels, numbers
from multimodal_keras.evaluation.plots.gallery import gallery
from multimodal_keras.evaluation.plots.style import Plot
from multimodal_keras.evaluation.plots.subset_bars import subset_bars
from multimodal_keras.evaluation.regression import RegressionScores

if TYPE_CHECKING:
    from multimodal_keras.evaluation.report import Report


def plots_of(report: Report) -> list[Plot]:
    """Draw what there is to draw.

    Args:
        report: what `evaluate` returned.

    Returns:
        For each task: subsets (if there are several), confusion matrix, risk by coverage, curves and calibration, or a
        scatter plot, and the gallery of mistakes; then the learning curves, if there is a history.
    """
    plots: list[Plot] = []
    for task, scores in report.scores.items():
        if len(report.subsets) > 1:
            plots.append(subset_bars(task, report.subsets, scores.lower_is_better))
        if isinstance(scores, ClassificationScores):
            plots += [labels.confusion(task, scores), labels.risk_coverage(task, scores)]
        if isinstance(scores, (ClassificationScores, MultiLabelScores)):
            plots += [*labels.curves(task, scores), labels.reliability(task, scores)]
        if isinstance(scores, RegressionScores):
            plots.append(numbers.scatter(task, scores, report.tasks[task].get("unit")))
        if report.mistakes[task]:
            plots.append(gallery(task, report.mistakes[task]))
    history = {name: values for name, values in report.history.items() if values}
    return [*plots, numbers.learning(history)] if history else plots
