"""Load whatever a command answers records with."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from multimodal_keras.cli.quiet import quiet_start
from multimodal_keras.prediction import RUN_MODEL, load_predictor
from multimodal_keras.runtime.predicting import Predictor


def load_source(model: str) -> Predictor:
    """A run, an exported folder or a `.tflite` file, ready to answer records."""
    source: Any = model
    if Path(model, RUN_MODEL).exists():
        # Only a run needs Keras, and the plugins that it was trained with.
        source = importlib.import_module("multimodal_keras.cli.loading").load_run(model)
    with quiet_start():
        return load_predictor(source)
