"""Gradients of several tasks: how they lie to each other, and their weighted sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

# One gradient for each variable; None where a task does not depend on it.
Gradients = Sequence[Any]


def gram_matrix(tasks: Sequence[Gradients]) -> tf.Tensor:
    """Inner products of the tasks' gradients over all variables.

    Args:
        tasks: for each task a gradient for each shared variable.

    Returns:
        `float32 (tasks, tasks)`.
    """
    total = tf.zeros((len(tasks), len(tasks)))
    for each in zip(*tasks, strict=True):
        known = next((gradient for gradient in each if gradient is not None), None)
        if known is None:
            continue
        size = tf.size(dense(known))
        rows = [tf.zeros(size) if one is None else tf.reshape(tf.cast(dense(one), "float32"), [-1]) for one in each]
        stacked = tf.stack(rows)
        total += tf.linalg.matmul(stacked, stacked, transpose_b=True)
    return total


def added(one: Any, other: Any) -> Any:
    """The sum of two gradients, of which either may be None."""
    if one is None or other is None:
        return other if one is None else one
    return dense(one) + dense(other)


def weighted_sum(gradients: Gradients, weights: Any) -> Any:
    """The weighted sum of one variable's gradients, None where no task depends on it.

    Args:
        gradients: of each task.
        weights: of each task, `float32 (tasks,)`.
    """
    total = None
    for place, gradient in enumerate(gradients):
        if gradient is not None:
            total = added(total, dense(gradient) * tf.cast(weights[place], gradient.dtype))
    return total


def dense(gradient: Any) -> tf.Tensor:
    """A gradient as a tensor: that of an embedding comes as slices."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, gradient.dense_shape[0])
    return gradient


def all_finite(gradients: Gradients) -> tf.Tensor:
    """Whether no gradient has overflowed, a `bool` scalar."""
    known = [tf.reduce_all(tf.math.is_finite(dense(gradient))) for gradient in gradients if gradient is not None]
    return tf.reduce_all(tf.stack(known)) if known else tf.constant(True)
