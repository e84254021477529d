"""Write a SavedModel: what a client sends goes in, predictions come out, and nothing of ours is needed to serve it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from multimodal_keras.base import Parts, parts, presence_name
from multimodal_keras.base.contributions import contributions_model, is_explainable
from multimodal_keras.base.graph import graph_of
from multimodal_keras.base.parts import output_of
from multimodal_keras.exporting.defaults import with_defaults
from multimodal_keras.runtime.signatures import EXPLAIN, RAW, TENSORS

EMBED, EMBEDDING = "embed", "embedding"
# The namespace of tensorflow-io's ops, which are there only for a modality that wants them.
_OPTIONS = tf.saved_model.SaveOptions(namespace_whitelist=["IO"])

Endpoint = tuple[Callable[..., Any], dict[str, tf.TensorSpec] | list[tf.TensorSpec]]


def raw_signature(found: Parts) -> dict[str, tf.TensorSpec]:
    """What a client sends: field to spec, with a dynamic batch."""
    return {field: _batched(modality.raw_spec(), field, None) for field, modality in found.modalities.items()}


def tensor_signature(found: Parts, batch: int | None = None) -> dict[str, tf.TensorSpec]:
    """What a device sends: field and `<field>_present` to spec."""
    specs = {field: _batched(modality.tensor_spec(), field, batch) for field, modality in found.modalities.items()}
    for field in found.optional:
        name = presence_name(field)
        specs[name] = tf.TensorSpec((batch,), tf.bool, name=name)
    return specs


def decode(found: Parts, raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The host half of all modalities: raw values to the model's inputs."""
    tensors = {}
    for field, modality in found.modalities.items():
        tensors[field], present = modality.decode(raw[field])
        if modality.optional:
            tensors[presence_name(field)] = present
    return tensors


def decode_strictly(found: Parts, raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """`decode` for clients: a missing value of a required field is an error inside the graph, as without TensorFlow.

    Raises:
        tf.errors.InvalidArgumentError: when it runs: a record lacks a required field.
    """
    tensors = {}
    for field, modality in found.modalities.items():
        tensor, present = modality.decode(raw[field])
        if modality.optional:
            tensors[presence_name(field)] = present
        else:
            message = f"Field {field} is required. Received an empty value. Fill it."
            with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(present), [message])]):
                tensor = tf.identity(tensor)
        tensors[field] = tensor
    return tensors


def embedding_model(model: keras.Model) -> keras.Model:
    """The same model up to the fused vector."""
    return keras.Model(model.input, {EMBEDDING: output_of(model, parts(model).fusion)})


def write_savedmodel(model: keras.Model, folder: Path) -> None:
    """Write a SavedModel with the signatures `serving_default` (raw), `tensors`, `embed` (raw to the fused vector), and
    `explain` (raw to predictions with contributions), the last for at most 10 modalities.

    Optional inputs of `serving_default` and `explain` have default values, see `with_defaults`. Those that take raw values
    refuse a record without a required one, see `decode_strictly`.

    Args:
        model: made by `build_model`.
        folder: where to; it must not exist or be empty.
    """
    found, embed = parts(model), embedding_model(model)
    raw, tensors = raw_signature(found), tensor_signature(found)
    # Functions of their own, so that each is traced and written once, however many signatures call it.
    decoded = graph_of(lambda inputs: decode_strictly(found, inputs), raw)
    answer = graph_of(lambda inputs: model(inputs, training=False), tensors)
    endpoints: dict[str, Endpoint] = {
        RAW: with_defaults(lambda inputs: answer(decoded(inputs)), raw, found.optional),
        TENSORS: (lambda inputs: answer(inputs), tensors),
        EMBED: (lambda inputs: embed(decoded(inputs), training=False), raw),
    }
    if is_explainable(found):
        explain = contributions_model(model)
        told = with_defaults(lambda inputs: explain(decoded(inputs), training=False), raw, found.optional)
        endpoints[EXPLAIN] = told
    write_endpoints(
        model,
        folder,
        endpoints,
        resources=[table for modality in found.modalities.values() for table in modality.host_resources()],
    )


def write_endpoints(
    model: keras.Model,
    folder: Path,
    endpoints: Mapping[str, Endpoint],
    resources: list[Any] | None = None,
) -> None:
    """Write functions over a model's weights (and lookup tables) as the signatures of a SavedModel.

    An endpoint takes one dict, or an argument for each of several specs.

    Keras's `ExportArchive` is the only way found that keeps track of Keras variables for the TFLite converter too.
    """
    archive = keras.export.ExportArchive()
    # The same layers without the optimizer, whose state would triple the file.
    bare = keras.Model(model.input, model.output)
    for resource in [bare, *(resources or [])]:
        archive.track(resource)
    for name, (function, signature) in endpoints.items():
        arguments = signature if isinstance(signature, list) else [signature]
        archive.add_endpoint(name, function, input_signature=arguments)
    archive.write_out(str(folder), options=_OPTIONS, verbose=False)


def _batched(spec: tf.TensorSpec, name: str, batch: int | None) -> tf.TensorSpec:
    return tf.TensorSpec((batch, *spec.shape), spec.dtype, name=name)
