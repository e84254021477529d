"""The command line. Importing it, and asking for help, imports neither TensorFlow nor Keras."""

from multimodal_keras.cli.main import main

__all__ = ["main"]
