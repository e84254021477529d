"""How an LSTM is written into a TFLite file: as the hoisted loop, or as one op that LiteRT has for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import tensorflow as tf

from multimodal_keras.encoders.recurrence import lstm_step, run_steps

LOOP, FUSED = "loop", "fused"

_lowering: ContextVar[str] = ContextVar("lowering", default=LOOP)


@contextmanager
def lstm_lowering(name: str) -> Iterator[None]:
    """Within this context, LSTMs that are traced for a conversion are written as `"loop"` or `"fused"`."""
    token = _lowering.set(name)
    try:
        yield
    finally:
        _lowering.reset(token)


def is_fused() -> bool:
    """Whether an LSTM that is traced now is to become the fused op."""
    return _lowering.get() == FUSED


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
