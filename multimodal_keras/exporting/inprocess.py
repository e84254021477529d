"""Predict with a Keras model in this process, in the manner of an exported artefact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from multimodal_keras.base import parts
from multimodal_keras.exporting.contract import contract
from multimodal_keras.exporting.savedmodel import decode
from multimodal_keras.runtime.predicting import Predictor
from multimodal_keras.runtime.raw import raw_spec


class ModelArtefact(Predictor):
    """A Keras model with its contract.

    Args:
        model: made by `build_model`, or the path of its `.keras` file.

    Attributes:
        contract: what every input and output is.
    """

    def __init__(self, model: keras.Model | Path) -> None:
        if isinstance(model, Path):
            model = keras.saving.load_model(model)
        self.contract = contract(model)
        found = parts(model)
        self._call = tf.function(lambda raw: model(decode(found, raw), training=False), reduce_retracing=True)

    def outputs(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Task to `(batch, outputs)`, for raw values by field."""
        specs = {field: raw_spec(facts) for field, facts in self.contract["modalities"].items()}
        tensors = {field: tf.constant(raw[field], spec["dtype"]) for field, spec in specs.items()}
        return {task: output.numpy() for task, output in self._call(tensors).items()}
