"""Training, and the runs that it leaves."""

from multimodal_keras.spec import TrainingOptions
from multimodal_keras.training.compiling import compile_model
from multimodal_keras.training.fitting import fit
from multimodal_keras.training.run import Run
from multimodal_keras.training.specified import import_plugin, model_of, parts_of

__all__ = ["Run", "TrainingOptions", "compile_model", "fit", "import_plugin", "model_of", "parts_of"]
