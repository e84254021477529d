"""Open a network that somebody else has trained, whatever it is kept in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from multimodal_keras.encoders.frozen_graph import open_saved_model

_KINDS = "the path of a .keras or .h5 file, the folder of a SavedModel, a keras.Model, or a function that builds one"
_PROTOCOL_BUFFER = "saved_model.pb"


def open_network(
    source: Any, weights: str | None, layer: str | None, features_shape: Sequence[int | None]
) -> keras.Model:
    """A network up to one of its layers, apart from where it came from.

    Args:
        source: a path, a functional or sequential model, a function that returns one, or Keras's config dict of one.
        weights: the path of a weights file to read into it.
        layer: whose output is wanted; None for the network's own. For a SavedModel, the name of an output.
        features_shape: without the batch.

    Returns:
        A functional model of one output.

    Raises:
        ValueError: if there is no such file, layer or weight.
        TypeError: if `source` is something else.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        folder = path.parent if path.name == _PROTOCOL_BUFFER else path
        if (folder / _PROTOCOL_BUFFER).is_file():
            return open_saved_model(folder, layer, features_shape)
        network = _read(path)
    elif isinstance(source, dict):
        network = keras.saving.deserialize_keras_object(source)
    elif isinstance(source, keras.Model):
        network = type(source).from_config(source.get_config())
        network.set_weights(source.get_weights())
    elif callable(source):
        network = source()
    else:
        raise TypeError(f"A network is {_KINDS}. Received {source!r} of type {type(source).__name__}.")
    if weights is not None:
        network.load_weights(weights)
    return _cut(network, layer)


def _read(path: Path) -> keras.Model:
    if not path.is_file():
        raise ValueError(f"A network is {_KINDS}. Received {str(path)!r}, where there is none. Check the path.")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise ValueError(
            f"A network is {_KINDS}. Received {str(path)!r}, which Keras cannot read: {error}. For a file of weights alone, "
            "pass the function that builds the network as model, and the file as weights."
        ) from error


def _cut(network: keras.Model, layer: str | None) -> keras.Model:
    """Another model over the same layers: without losses and optimizer, and without what comes after `layer`."""
    if not (isinstance(network, (keras.Sequential, keras.Model)) and getattr(network, "inputs", None)):
        raise ValueError(
            f"A network is a functional model, or a sequential one with known input. Received {network!r}. Wrap it: "
            "keras.Model(inputs, network(inputs))."
        )
    names = [each.name for each in network.layers]
    if layer is not None and layer not in names:
        raise ValueError(
            f"layer names a layer of the network. Received {layer!r}; {network.name!r} has {', '.join(names)}. "
            "Name one of these."
        )
    outputs = keras.tree.flatten(network.outputs if layer is None else network.get_layer(layer).output)
    if len(outputs) != 1:
        raise ValueError(
            f"One output of a network is used. Received {network.name!r} with {len(outputs)}. Name one of its layers as "
            f"layer: {', '.join(names)}."
        )
    inputs = network.inputs if len(network.inputs) > 1 else network.inputs[0]
    return keras.Model(inputs, outputs[0], name=network.name)
