"""Default values of optional inputs inside a SavedModel: a client of TensorFlow Serving's gRPC may leave them out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any

import tensorflow as tf

from multimodal_keras.runtime.raw import absent

Inputs = dict[str, tf.Tensor]


def with_defaults(
    function: Callable[[Inputs], Any], specs: dict[str, tf.TensorSpec], optional: Collection[str]
) -> tuple[Callable[..., Any], list[tf.TensorSpec]]:
    """A function whose optional inputs have a default, which TensorFlow writes into `SignatureDef.defaults`.

    TensorFlow takes the defaults from the arguments of a Python function, so it gets one argument for each input. TensorFlow
    Serving fills in a default over gRPC only; its REST API, and Python's loader, want every input.

    Args:
        function: from a dict of inputs to outputs.
        specs: input to `TensorSpec`, the batch first.
        optional: the inputs that may be absent; those of integers, which no value marks as absent, get no default.

    Returns:
        The function, and the specs of its arguments, the required ones first. A default is one absent value, and in the
        graph as many of it as there are records.
    """
    filled = [name for name in specs if name in optional and _can_be_absent(specs[name])]
    required = [name for name in specs if name not in filled]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [inspect.Parameter(name, kind) for name in required]
        + [inspect.Parameter(name, kind, default=absent_value(specs[name])) for name in filled]
    )

    def call(*arguments: tf.Tensor, **named: tf.Tensor) -> Any:
        bound = signature.bind(*arguments, **named)
        bound.apply_defaults()
        inputs = dict(bound.arguments)
        count = tf.reduce_max([tf.shape(inputs[name])[0] for name in required or filled])
        for name in filled:
            inputs[name] = tf.broadcast_to(inputs[name], tf.concat([[count], tf.shape(inputs[name])[1:]], axis=0))
        return function(inputs)

    call.__signature__ = signature  # type: ignore[attr-defined]
    return call, [specs[name] for name in [*required, *filled]]


def absent_value(spec: tf.TensorSpec) -> tf.Tensor:
    """What stands for a missing value: `(1, ...)` of empty strings or of NaN."""
    value = absent({"shape": spec.shape[1:].as_list(), "dtype": spec.dtype.name})
    return tf.constant([value] if isinstance(value, bytes) else value[None], spec.dtype)


def _can_be_absent(spec: tf.TensorSpec) -> bool:
    return spec.dtype == tf.string or spec.dtype.is_floating
