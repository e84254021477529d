"""What becomes a TFLite file: the whole model, or each encoder on its own and then fusion and heads.

With parts, an app can encode a picture once and answer many questions about it. The cut runs through the tokens: what an
encoder answers is what the fusion takes, under the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from multimodal_keras.base import parts, presence_name
from multimodal_keras.base.encoder import Encoder
from multimodal_keras.base.parts import FUSION, layer_name, output_of, presences
from multimodal_keras.base.steps import split_steps
from multimodal_keras.exporting.contract import contract
from multimodal_keras.exporting.savedmodel import Endpoint
from multimodal_keras.runtime.signatures import OOD_SCORE, RAW

FOLDER, WHOLE = "parts", "model"


@dataclass(frozen=True)
class Part:
    """One part of a model.

    Attributes:
        name: `model` for the whole, `title_encoder`, or `fusion`.
        inputs: their names, in the order in which the part takes them.
        model: the part as a functional model over a list; it answers a dict.
        facts: its contract, but for what depends on how it is converted.
        explain: from its inputs by name to predictions with contributions; None if it cannot tell.
    """

    name: str
    inputs: list[str]
    model: keras.Model
    facts: dict[str, Any]
    explain: Callable[[Mapping[str, Any]], Any] | None = None

    def __call__(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """What the part answers, by name."""
        return self.model([tensors[name] for name in self.inputs], training=False)

    @property
    def endpoint(self) -> Endpoint:
        """What is converted: the part at batch 1."""
        specs = {
            name: tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=name)
            for name, tensor in zip(self.inputs, self.model.inputs, strict=True)
        }
        return self, specs


def whole_model(model: keras.Model) -> Part:
    """The model as one part."""
    facts = contract(model)
    del facts["signatures"]
    return Part(WHOLE, list(model.input), keras.Model(list(model.input.values()), model.output), facts)


def split_model(model: keras.Model) -> list[Part]:
    """Cut a model between its encoders and its fusion; the fusion comes last.

    Args:
        model: made by `build_model`.
    """
    found, whole = parts(model), whole_model(model).facts
    common = {key: whole[key] for key in ("format", "package")}
    inputs = dict(model.input) | {presence_name(field): seen for field, seen in presences(model).items()}
    cut: dict[str, Any] = {}
    made = []
    for field in found.modalities:
        taken = {name: inputs[name] for name in (field, presence_name(field)) if name in inputs}
        given = _tokens(model, field)
        cut |= given
        facts = {"part": layer_name(field, Encoder), "modalities": {field: whole["modalities"][field]}, "tasks": {}}
        made.append(_part(taken, given, common | facts, whole["tflite"]["inputs"]))
    cut |= {presence_name(field): inputs[presence_name(field)] for field in found.optional}
    facts = {"part": FUSION, "modalities": {}, "tasks": whole["tasks"]}
    facts |= {key: whole[key] for key in (OOD_SCORE,) if key in whole}
    known = whole["tflite"]["inputs"] | whole["tflite"]["outputs"]
    return [*made, _part(cut, model.output, common | facts, known)]


def _tokens(model: keras.Model, field: str) -> dict[str, Any]:
    """What the fusion gets from one field: `<field>_tokens`, and `<field>_mask` where some steps may not count."""
    names = {layer.name for layer in model.layers}
    last = f"{field}_missing" if f"{field}_missing" in names else layer_name(field, Encoder)
    tokens, mask = split_steps(output_of(model, model.get_layer(last)))
    return {f"{field}_tokens": tokens} | ({} if mask is None else {f"{field}_mask": mask})


def _part(inputs: dict[str, Any], outputs: dict[str, Any], facts: dict[str, Any], known: Mapping[str, Any]) -> Part:
    def specs(tensors: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: known.get(name, {"shape": [1, *tensor.shape[1:]], "dtype": tensor.dtype})
            for name, tensor in tensors.items()
        }

    facts = {**facts, "tflite": {"signature": RAW, "inputs": specs(inputs), "outputs": specs(outputs)}}
    return Part(facts["part"], list(inputs), keras.Model(list(inputs.values()), outputs), facts)


def part_examples(made: list[Part], tensors: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """For each part the inputs that it gets for these inputs of the whole model."""
    known = dict(tensors)
    examples = {}
    for part in made:
        examples[part.name] = {name: known[name] for name in part.inputs}
        known |= {name: output.numpy() for name, output in part(examples[part.name]).items()}
    return examples


def in_turn(artefacts: list[Any], tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the parts answer together: each artefact is called with what is known, and adds to it."""
    known = dict(tensors)
    for artefact in artefacts:
        known |= artefact.call(known)
    return {name: known[name] for name in artefacts[-1].contract["tflite"]["outputs"]}


def file_name(part: str, quantize: str) -> str:
    """`model.tflite`, `model.int8.tflite`, `parts/title_encoder.tflite`, `parts/fusion.int8.tflite`."""
    name = f"{part}.tflite" if quantize == "float32" else f"{part}.{quantize}.tflite"
    return name if part == WHOLE else f"{FOLDER}/{name}"
