"""Training, and the runs that it leaves."""

from multimodal_keras.spec import TrainingOptions
from multimodal_keras.training.compiling import compile_model
from multimodal_keras.training.fitting import fit
from multimodal_keras.training.run import Run

__all__ = ["Run", "TrainingOptions", "compile_model", "fit"]
