"""LSTM and GRU encoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from multimodal_keras.encoders.lowering import FUSED, chosen_lowering, fused_lstm, run_blocks
from multimodal_keras.encoders.recurrence import differentiable_steps, gru_step, lstm_step, reverse_valid, run_steps
from multimodal_keras.encoders.sequence import SequenceEncoder
from multimodal_keras.registry import register


class RecurrentEncoder(SequenceEncoder):
    """What LSTM and GRU share: embedding, directions, stacked layers.

    A subclass names Keras's cell, which keeps the weights, and the step that runs them.
    """

    cell: type[keras.layers.Layer]
    step: Callable[..., tuple[tf.Tensor, ...]]
    trained_steps: Callable[..., tf.Tensor]
    fused: Callable[..., tf.Tensor] | None = None

    def __init__(
        self, units: int = 128, *, bidirectional: bool = False, layers: int = 1, jit_compile: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if units < 1 or layers < 1:
            raise ValueError(f"units and layers are at least 1. Received units={units}, layers={layers}.")
        self.units = int(units)
        self.bidirectional = bool(bidirectional)
        self.layers = int(layers)
        self.jit_compile = bool(jit_compile)
        self._cells: list[keras.layers.Layer] = []
        # A bidirectional state at the last step has read one step backwards: the mean over all steps says more.
        self.default_pooling = "mean" if bidirectional else "last"

    def build(self, features_shape: tuple[int | None, ...], step_mask_shape: Any = None) -> None:
        batch, _, channels = self.build_inputs(features_shape)
        directions = ("forward", "backward") if self.bidirectional else ("forward",)
        for layer in range(self.layers):
            for direction in directions:
                cell = type(self).cell(self.units, dtype=self.dtype_policy, name=f"{direction}_{layer}")
                cell.build((batch, channels))
                self._cells.append(cell)
            channels = self.units * len(directions)
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        tokens = self.embed(features, training)
        cells = list(self._cells)
        while cells:
            states = [self._run(cells.pop(0), tokens, training)]
            if self.bidirectional:
                turned = reverse_valid(tokens, step_mask)
                states.append(reverse_valid(self._run(cells.pop(0), turned, training), step_mask))
            tokens = ops.concatenate(states, axis=-1) if self.bidirectional else states[0]
        return tokens if step_mask is None else (tokens, step_mask)

    def _run(self, cell: keras.layers.Layer, tokens: tf.Tensor, training: bool | None) -> tf.Tensor:
        kernel, recurrent_kernel, bias = (
            ops.cast(weight, self.compute_dtype) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)
        )
        fused, lowering = type(self).fused, chosen_lowering()
        if fused is not None and lowering == FUSED:
            return fused(tokens, kernel, recurrent_kernel, bias)
        # A GRU has two biases, and one of them belongs to the recurrence.
        bias, recurrent_bias = (bias, tf.zeros_like(bias)) if len(bias.shape) == 1 else (bias[0], bias[1])
        # Tokens are turned round because gates are wider, and made a matrix because TensorFlow would multiply each record on
        # its own and make a gradient of the kernel for each.
        rows = tf.reshape(tf.transpose(tokens, [1, 0, 2]), [-1, kernel.shape[0]])
        projected = tf.reshape(tf.matmul(rows, kernel) + bias, [tokens.shape[1], -1, kernel.shape[1]])
        if training and self.jit_compile:
            states = type(self).trained_steps(projected, recurrent_kernel, recurrent_bias)
        elif lowering is not None:
            states = run_blocks(type(self).step, projected, recurrent_kernel, recurrent_bias)
        else:
            (states,) = run_steps(type(self).step, projected, recurrent_kernel, recurrent_bias)
        return tf.transpose(states, [1, 0, 2])

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        tokens = (features_shape[0], features_shape[1], self.units * (2 if self.bidirectional else 1))
        return tokens if step_mask_shape is None else (tokens, tuple(step_mask_shape))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "bidirectional": self.bidirectional,
            "layers": self.layers,
            "jit_compile": self.jit_compile,
        }


@register
class LSTMEncoder(RecurrentEncoder):
    """A long short-term memory network over tokens or frames.

    The default for text and other short sequences. Its weights are those of `keras.layers.LSTM`; it runs them as the
    hoisted loop (see `encoders/recurrence.py`), so that training is faster and the export needs built-in ops only.

    Args:
        units: the width of the state in each direction.
        bidirectional: whether to read the sequence backwards as well; the tokens are then `2 * units` wide.
        layers: how many are stacked.
        jit_compile: whether XLA compiles the loop while training.
        embedding_width: the width of the token embedding; unused for frames.
        dropout: the rate of dropout on the embedded inputs.
        vocabulary_size: how many token ids there are. `build_model` fills it in.
        embeddings: `WordVectors`, or the path of a file of some, with which the token embedding begins.
        train_embeddings: whether the token embedding is trained.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `int (batch, steps)` token ids, or `(batch, steps, channels)` frames.
        step_mask: `bool (batch, steps)` or None; the steps that count come first.

    Returns:
        Tokens `(batch, steps, units)`, with `step_mask` if one was given. Pooled by the last step that counts; by the
        mean if bidirectional.

    Raises:
        ValueError: if the features have another rank, or there are ids and no `vocabulary_size`.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> encoder = mk.LSTMEncoder(units=8, vocabulary_size=100)
    >>> encoder(np.array([[5, 7, 0]])).shape
    TensorShape([1, 3, 8])

    Reference:
        Hochreiter and Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997.
    """

    cell = keras.layers.LSTMCell
    step = staticmethod(lstm_step)
    trained_steps = staticmethod(differentiable_steps(lstm_step))
    fused = staticmethod(fused_lstm)


@register
class GRUEncoder(RecurrentEncoder):
    """A gated recurrent unit network over tokens or frames: a quarter fewer weights than an LSTM of the same width.

    Args, call arguments, returns and errors are those of `LSTMEncoder`.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> encoder = mk.GRUEncoder(units=8, bidirectional=True)
    >>> encoder(np.zeros((2, 5, 3), "float32")).shape
    TensorShape([2, 5, 16])

    Reference:
        Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (arXiv:1406.1078).
    """

    cell = keras.layers.GRUCell
    step = staticmethod(gru_step)
    trained_steps = staticmethod(differentiable_steps(gru_step))
