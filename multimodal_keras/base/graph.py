"""Functions of tensors as graphs that are traced once, whatever the size of the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf


def graph_of(function: Callable[..., Any], signature: Mapping[str, tf.TensorSpec]) -> Callable[..., Any]:
    """A function of one dict of tensors as a graph.

    Args:
        function: from tensors by name.
        signature: name to spec, the batch first.

    Returns:
        A function of the same dict, and no other one.
    """
    return tf.function(function, input_signature=[dict(signature)]).get_concrete_function()


def answers_of(model: keras.Model) -> Callable[[Mapping[str, Any]], dict[str, tf.Tensor]]:
    """A model's answers outside of training, as a graph: it costs no `predict` per call.

    Args:
        model: functional, from a dict to a dict.

    Returns:
        From arrays or tensors by name, of which more than the model's inputs are passed over, to outputs by name.
    """
    signature = {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name=name) for name, tensor in model.input.items()
    }
    graph = graph_of(lambda inputs: model(inputs, training=False), signature)
    return lambda inputs: graph({name: tf.convert_to_tensor(inputs[name], signature[name].dtype) for name in signature})
