"""Default values of optional inputs inside a SavedModel: a client of TensorFlow Serving's gRPC may leave them out."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection
from typing import Any

import tensorflow as tf

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
        optional: the inputs that may be absent.

    Returns:
        The function, and the specs of its arguments, the required ones first. A default is one absent value, and in the
        graph as many of it as there are records.
    """
    required = [name for name in specs if name not in optional]
    names = [*required, *(name for name in specs if name in optional)]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [inspect.Parameter(name, kind) for name in required]
        + [inspect.Parameter(name, kind, default=absent_value(specs[name])) for name in names[len(required) :]]
    )

    def call(*arguments: tf.Tensor, **named: tf.Tensor) -> Any:
        inputs = dict(signature.bind(*arguments, **named).arguments)
        count = tf.reduce_max([tf.shape(inputs[name])[0] for name in required or names])
        for name in names[len(required) :]:
            inputs[name] = tf.broadcast_to(inputs[name], tf.concat([[count], tf.shape(inputs[name])[1:]], axis=0))
        return function(inputs)

    call.__signature__ = signature  # type: ignore[attr-defined]
    return call, [specs[name] for name in names]


def absent_value(spec: tf.TensorSpec) -> tf.Tensor:
    """What stands for a missing value: `(1, ...)` of empty strings, of NaN, or of zeros for integers."""
    value: Any = "" if spec.dtype == tf.string else math.nan if spec.dtype.is_floating else 0
    return tf.fill([1, *(size or 1 for size in spec.shape[1:])], tf.constant(value, spec.dtype))
