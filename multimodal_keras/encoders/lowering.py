"""How a recurrence is written into a TFLite file: as the hoisted loop, or as the one op that LiteRT has for an LSTM."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import tensorflow as tf

from multimodal_keras.encoders.recurrence import Pointwise, States, lstm_step, run_steps, zero_states

LOOP, FUSED = "loop", "fused"
# LiteRT takes longer to go round a loop than to do a step: with four steps a round, one step of 64 units takes 0.4 of the
# time. More steps a round make the file larger and little else.
BLOCK = 4

_lowering: ContextVar[str | None] = ContextVar("lowering", default=None)


@contextmanager
def lstm_lowering(name: str) -> Iterator[None]:
    """Within this context, recurrences are traced for LiteRT, and LSTMs written as `"loop"` or `"fused"`."""
    token = _lowering.set(name)
    try:
        yield
    finally:
        _lowering.reset(token)


def chosen_lowering() -> str | None:
    """`"loop"` or `"fused"` while tracing for LiteRT, else None."""
    return _lowering.get()


def run_blocks(
    step: Pointwise, projected: tf.Tensor, recurrent_kernel: tf.Tensor, recurrent_bias: tf.Tensor
) -> tf.Tensor:
    """`run_steps` for LiteRT: `BLOCK` steps in each round of the loop, and few ops around them.

    Args:
        step: `lstm_step` or `gru_step`.
        projected: `(steps, batch, gates)`, all static.
        recurrent_kernel: `(units, gates)`.
        recurrent_bias: `(gates,)`.

    Returns:
        The hidden state at every step, `(steps, batch, units)`.
    """
    steps, batch, gates = projected.shape
    units = recurrent_kernel.shape[0]
    block = min(BLOCK, steps)
    rounds = -(-steps // block)
    # The steps that fill up the last block come after all others, and are cut off.
    filled = tf.pad(projected, [[0, rounds * block - steps], [0, 0], [0, 0]])
    blocks = tf.reshape(filled, [rounds, block, batch, gates])

    def run(rows: tf.Tensor, carried: States) -> tuple[tf.Tensor, States]:
        hidden = []
        for row in tf.unstack(rows):
            carried = step(row, tf.matmul(carried[0], recurrent_kernel) + recurrent_bias, carried)
            hidden.append(carried[0])
        return tf.stack(hidden), carried

    def body(index: tf.Tensor, kept: tf.Tensor, carried: States) -> tuple[tf.Tensor, ...]:
        hidden, carried = run(tf.gather(blocks, index), carried)
        # Added to zeros: an update in place takes eight ops.
        added = tf.scatter_nd(tf.reshape(index, [1, 1]), hidden[tf.newaxis], kept.shape)
        return index + 1, kept + added, carried

    kept = tf.zeros([rounds, block, batch, units], projected.dtype)
    carried = zero_states(step, tf.zeros([batch, units], projected.dtype))
    if rounds == 1:
        kept, _ = run(blocks[0], carried)
    else:
        _, kept, _ = tf.while_loop(lambda index, *_: index < rounds, body, (tf.constant(0), kept, carried))
    return tf.reshape(kept, [rounds * block, batch, units])[:steps]


def fused_lstm(
    tokens: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, ...]:
    """An LSTM that the TFLite converter replaces by one `UNIDIRECTIONAL_SEQUENCE_LSTM`.

    The op keeps its state in variable tensors: whoever calls the file has to reset them before each call. It is never
    the right one for a SavedModel.

    Args:
        tokens: `(batch, steps, channels)`, the number of steps static.
        kernel: `(channels, 4 * units)`, gates in Keras's order.
        recurrent_kernel: `(units, 4 * units)`.
        bias: `(4 * units,)`.

    Returns:
        The hidden state at every step, `(batch, steps, units)`.
    """
    # The converter recognises a function by these attributes and this signature, which are those of Keras 2's layer. It has
    # to be a new one for each layer, and to get its weights as arguments.
    attributes = {
        "api_implements": f"lstm_{uuid.uuid4()}",
        "api_preferred_device": "CPU",
        "time_major": False,
        "go_backwards": False,
    }

    def standard_lstm(
        inputs: tf.Tensor,
        init_h: tf.Tensor,
        init_c: tf.Tensor,
        kernel: tf.Tensor,
        recurrent_kernel: tf.Tensor,
        bias: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        projected = tf.einsum("bsc,cg->sbg", inputs, kernel) + bias
        hidden = run_steps(lstm_step, projected, recurrent_kernel, tf.zeros_like(bias))[0]
        outputs = tf.transpose(hidden, [1, 0, 2])
        return outputs[:, -1], outputs, outputs[:, -1], init_c + init_h, tf.constant(1.0)

    function = tf.function(standard_lstm, experimental_attributes=attributes, autograph=False)
    zeros = tf.zeros([tf.shape(tokens)[0], recurrent_kernel.shape[0]], tokens.dtype)
    return function(tokens, zeros, zeros, kernel, recurrent_kernel, bias)[1]
