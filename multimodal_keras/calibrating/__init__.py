"""Calibration: probabilities that mean what they say, sets with a promised coverage, answers to accept, unusual records."""

from multimodal_keras.calibrating.calibrate import calibrate, recalibrate
from multimodal_keras.calibrating.graph import is_calibrated, raw_model
from multimodal_keras.calibrating.options import CalibrationOptions

__all__ = ["CalibrationOptions", "calibrate", "is_calibrated", "raw_model", "recalibrate"]
