"""The hoisted loop: what does not depend on the last step is done for all steps at once, outside of the loop.

Keras's own loop multiplies the input by the kernel at each step, and its gradient adds up a gradient of the recurrent
kernel at each step. Here both are one matrix product over all steps; the loops do only what has to wait. The forward loop
converts to LiteRT built-ins at batch 1, without unrolling and without an op that keeps state between calls.

It runs unmasked: sequences are padded on the right, so each step that counts is exactly what a masked layer returns, and
the steps after it are masked in everything that follows.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

States = tuple[tf.Tensor, ...]
Pointwise = Callable[[tf.Tensor, tf.Tensor, States], States]


def lstm_step(projected: tf.Tensor, recurrent: tf.Tensor, states: States) -> States:
    """One step of an LSTM without its products, in Keras's gate order (input, forget, cell, output).

    Args:
        projected: `(batch, 4 * units)`, the input times the kernel, with the bias.
        recurrent: `(batch, 4 * units)`, the hidden state times the recurrent kernel.
        states: hidden and cell state, `(batch, units)` each.

    Returns:
        The new states.
    """
    enter, forget, candidate, leave = tf.split(projected + recurrent, 4, axis=1)
    cell = tf.sigmoid(forget) * states[1] + tf.sigmoid(enter) * tf.tanh(candidate)
    return tf.sigmoid(leave) * tf.tanh(cell), cell


def gru_step(projected: tf.Tensor, recurrent: tf.Tensor, states: States) -> States:
    """One step of a GRU with `reset_after=True` without its products (update, reset, candidate).

    Args:
        projected: `(batch, 3 * units)`, the input times the kernel, with its bias.
        recurrent: `(batch, 3 * units)`, the hidden state times the recurrent kernel, with its bias.
        states: the hidden state, `(batch, units)`.

    Returns:
        The new state.
    """
    update, reset, candidate = tf.split(projected, 3, axis=1)
    update_, reset_, candidate_ = tf.split(recurrent, 3, axis=1)
    update = tf.sigmoid(update + update_)
    candidate = tf.tanh(candidate + tf.sigmoid(reset + reset_) * candidate_)
    return (update * states[0] + (1 - update) * candidate,)


def zero_states(step: Pointwise, zeros: tf.Tensor) -> States:
    """As many states as the step carries."""
    return (zeros, zeros) if step is lstm_step else (zeros,)


def run_steps(
    step: Pointwise,
    projected: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    recurrent_bias: tf.Tensor,
    *,
    keep_all: bool = False,
) -> list[tf.Tensor]:
    """Run a recurrence from zero states.

    Args:
        step: `lstm_step` or `gru_step`.
        projected: `(steps, batch, gates)`, the number of steps static.
        recurrent_kernel: `(units, gates)`.
        recurrent_bias: `(gates,)`.
        keep_all: whether to keep what the gradient needs, and not the hidden state alone.

    Returns:
        The hidden state at every step, `(steps, batch, units)`; with `keep_all`, the other states after it, and the
        hidden state times the recurrent kernel, `(steps, batch, gates)`, as the last one.
    """
    steps, batch, _ = projected.shape
    units, gates = recurrent_kernel.shape
    zeros = tf.zeros([tf.shape(projected)[1], units], projected.dtype)
    carried = zero_states(step, zeros)
    widths = [units] * len(carried) + [gates] if keep_all else [units]
    kept = tuple(tf.TensorArray(projected.dtype, steps, element_shape=[batch, width]) for width in widths)

    def body(index: tf.Tensor, kept: tuple[tf.TensorArray, ...], carried: States) -> tuple[tf.Tensor, ...]:
        recurrent = tf.matmul(carried[0], recurrent_kernel) + recurrent_bias
        carried = step(projected[index], recurrent, carried)
        values = (*carried, recurrent)
        return index + 1, tuple(array.write(index, values[k]) for k, array in enumerate(kept)), carried

    _, kept, _ = tf.while_loop(
        lambda index, *_: index < steps, body, (tf.constant(0), kept, carried), maximum_iterations=steps
    )
    return [tf.ensure_shape(array.stack(), [steps, batch, width]) for array, width in zip(kept, widths, strict=True)]


def differentiable_steps(step: Pointwise) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """`run_steps` with its own gradient, both compiled by XLA: for training.

    XLA gets these loops alone, because its convolutions on a CPU are slower than TensorFlow's own. A gradient that
    TensorFlow derives would hand lists of tensors from one compiled loop to the other, which XLA refuses.

    Args:
        step: `lstm_step` or `gru_step`.

    Returns:
        A function of `(projected, recurrent_kernel, recurrent_bias)` to the hidden state at every step.
    """

    @tf.function(jit_compile=True)
    def forward(projected: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> list[tf.Tensor]:
        return run_steps(step, projected, kernel, bias, keep_all=True)

    @tf.function(jit_compile=True)
    def backward(
        projected: tf.Tensor, kernel: tf.Tensor, kept: list[tf.Tensor], upstream: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        return _gradients(step, projected, kernel, kept, upstream)

    @tf.custom_gradient
    def run(projected: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Callable[..., object]]:
        # A tape that watches these would have TensorFlow derive the gradient after all.
        kept = forward(*(tf.stop_gradient(tensor) for tensor in (projected, kernel, bias)))
        return kept[0], lambda upstream: backward(projected, kernel, kept, upstream)

    return run


def _gradients(
    step: Pointwise,
    projected: tf.Tensor,
    kernel: tf.Tensor,
    kept: list[tf.Tensor],
    upstream: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Backpropagation through time; the loop has one product, the kernel's gradient is one product after it."""
    steps = projected.shape[0]
    *after_each, recurrent = kept
    before = [tf.concat([tf.zeros_like(states[:1]), states[:-1]], axis=0) for states in after_each]
    # Turned round once: a product with a transposed matrix at each step takes twice as long.
    transposed = tf.transpose(kernel)
    arrays = tuple(tf.TensorArray(projected.dtype, steps, element_shape=projected.shape[1:]) for _ in range(2))

    def body(index: tf.Tensor, arrays: tuple[tf.TensorArray, ...], carried: States) -> tuple[tf.Tensor, ...]:
        sources = [projected[index], recurrent[index], *(states[index] for states in before)]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            after = step(sources[0], sources[1], tuple(sources[2:]))
        wanted = (carried[0] + upstream[index], *carried[1:])
        to_projected, to_recurrent, *to_states = tape.gradient(
            after, sources, output_gradients=wanted, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        to_states[0] += tf.matmul(to_recurrent, transposed)
        written = (arrays[0].write(index, to_projected), arrays[1].write(index, to_recurrent))
        return index - 1, written, tuple(to_states)

    _, arrays, _ = tf.while_loop(
        lambda index, *_: index >= 0,
        body,
        (tf.constant(steps - 1), arrays, tuple(tf.zeros_like(upstream[0]) for _ in before)),
        maximum_iterations=steps,
    )
    to_projected, to_recurrent = (array.stack() for array in arrays)
    units, gates = kernel.shape
    to_kernel = tf.matmul(tf.reshape(before[0], [-1, units]), tf.reshape(to_recurrent, [-1, gates]), transpose_a=True)
    return to_projected, to_kernel, tf.reduce_sum(to_recurrent, axis=[0, 1])


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
