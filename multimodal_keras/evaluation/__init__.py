"""Evaluation: metrics with intervals for each task, for every subset of modalities, and a report to read."""

from multimodal_keras.evaluation.bootstrap import Difference, paired_difference
from multimodal_keras.evaluation.calibration import calibration_error
from multimodal_keras.evaluation.evaluating import evaluate
from multimodal_keras.evaluation.report import Report

__all__ = ["Difference", "Report", "calibration_error", "evaluate", "paired_difference"]
