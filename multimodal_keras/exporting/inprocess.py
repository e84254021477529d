"""Predict with a Keras model in this process, in the manner of an exported artefact."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from multimodal_keras.base import parts
from multimodal_keras.base.contributions import contributions_model, is_explainable
from multimodal_keras.base.graph import graph_of
from multimodal_keras.exporting.contract import contract
from multimodal_keras.exporting.savedmodel import decode, raw_signature
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
        self._model, self._found = model, parts(model)
        self._call = self._compiled(model)

    def _compiled(self, model: keras.Model) -> Any:
        signature = raw_signature(self._found)
        return graph_of(lambda raw: model(decode(self._found, raw), training=False), signature)

    def outputs(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Task to `(batch, outputs)`, for raw values by field."""
        return self._answered(self._call, raw)

    @property
    def explains(self) -> bool:
        """Whether there are few enough modalities."""
        return is_explainable(self._found)

    @functools.cached_property
    def _explain(self) -> Any:
        return self._compiled(contributions_model(self._model))

    def explained(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """What `outputs` answers, with `<task>_contributions` and `<task>_baseline` beside each task."""
        return self._answered(self._explain, raw)

    def _answered(self, call: Any, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        specs = {field: raw_spec(facts) for field, facts in self.contract["modalities"].items()}
        tensors = {field: tf.constant(raw[field], spec["dtype"]) for field, spec in specs.items()}
        return {name: output.numpy() for name, output in call(tensors).items()}
