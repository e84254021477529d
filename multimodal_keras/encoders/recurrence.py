"""The hoisted loop: one matrix product projects all steps, then a loop over the recurrence only.

Keras's own loop multiplies the input at each step. With the product hoisted out of it the loop is shorter, XLA compiles
it well for training on a CPU, and it converts to LiteRT built-ins at batch 1 without unrolling and without an op that
keeps state between calls. It runs unmasked: text is padded on the right, so each step that counts is exactly what
the masked layer returns, and the steps after it are masked in everything that follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Step = Callable[[tf.Tensor, tuple[tf.Tensor, ...]], tuple[tf.Tensor, ...]]


def lstm(inputs: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """All hidden states of an LSTM with Keras's weights and gate order (input, forget, cell, output).

    Args:
        inputs: `(batch, steps, channels)`, the number of steps static.
        kernel: `(channels, 4 * units)`.
        recurrent_kernel: `(units, 4 * units)`.
        bias: `(4 * units,)`.

    Returns:
        `(batch, steps, units)`.
    """

    def step(projected: tf.Tensor, states: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
        hidden, cell = states
        gates = projected + tf.matmul(hidden, recurrent_kernel)
        enter, forget, candidate, leave = tf.split(gates, 4, axis=1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(enter) * tf.tanh(candidate)
        return tf.sigmoid(leave) * tf.tanh(cell), cell

    return _scan(step, tf.matmul(inputs, kernel) + bias, states=2, units=recurrent_kernel.shape[0])


def gru(inputs: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """All hidden states of a GRU with Keras's weights, `reset_after=True` (update, reset, candidate).

    Args:
        inputs: `(batch, steps, channels)`, the number of steps static.
        kernel: `(channels, 3 * units)`.
        recurrent_kernel: `(units, 3 * units)`.
        bias: `(2, 3 * units)`: of the inputs, and of the recurrence.

    Returns:
        `(batch, steps, units)`.
    """

    def step(projected: tf.Tensor, states: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
        (hidden,) = states
        update, reset, candidate = tf.split(projected, 3, axis=1)
        update_, reset_, candidate_ = tf.split(tf.matmul(hidden, recurrent_kernel) + bias[1], 3, axis=1)
        update = tf.sigmoid(update + update_)
        candidate = tf.tanh(candidate + tf.sigmoid(reset + reset_) * candidate_)
        return (update * hidden + (1 - update) * candidate,)

    return _scan(step, tf.matmul(inputs, kernel) + bias[0], states=1, units=recurrent_kernel.shape[0])


def _scan(step: Step, projected: tf.Tensor, *, states: int, units: int) -> tf.Tensor:
    steps = projected.shape[1]
    along = tf.transpose(projected, [1, 0, 2])
    zeros = tf.zeros([tf.shape(projected)[0], units], projected.dtype)
    outputs = tf.TensorArray(projected.dtype, size=steps, element_shape=[projected.shape[0], units])

    def body(index: tf.Tensor, outputs: tf.TensorArray, *carried: tf.Tensor) -> tuple[Any, ...]:
        carried = step(along[index], carried)
        return index + 1, outputs.write(index, carried[0]), *carried

    _, outputs, *_ = tf.while_loop(
        lambda index, *_: index < steps,
        body,
        (tf.constant(0), outputs, *[zeros] * states),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape(None),
            *[tf.TensorShape([projected.shape[0], units])] * states,
        ),
        maximum_iterations=steps,
    )
    return tf.ensure_shape(tf.transpose(outputs.stack(), [1, 0, 2]), [projected.shape[0], steps, units])


def reverse_valid(sequence: tf.Tensor, step_mask: tf.Tensor | None) -> tf.Tensor:
    """Turn round the steps that count and leave the padding where it is.

    Args:
        sequence: `(batch, steps, width)`.
        step_mask: `bool (batch, steps)`, the steps that count first; or None.

    Returns:
        `(batch, steps, width)`.
    """
    if step_mask is None:
        return tf.reverse(sequence, [1])
    lengths = tf.reduce_sum(tf.cast(step_mask, tf.int32), axis=1, keepdims=True)
    steps = tf.range(sequence.shape[1])[tf.newaxis]
    order = tf.where(steps < lengths, lengths - 1 - steps, steps)
    return tf.gather(sequence, order, axis=1, batch_dims=1)
