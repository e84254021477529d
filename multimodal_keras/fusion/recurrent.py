"""A recurrent network over modalities."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class RecurrentFusion(CommonWidthFusion):
    """An LSTM reads one modality after the other, sorted by name, and passes over those that are absent.

    What it has read so far decides what it takes from the next: fusion in stages rather than at once.

    Args:
        width: the width of the projections and of the answer.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`: the last state; zeros where nothing is present.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.RecurrentFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Liang et al., Multimodal Language Analysis with Recurrent Multistage Fusion (arXiv:1808.03920).
    """

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._cell = keras.layers.LSTMCell(self.width, dtype=self.dtype_policy, name="cell")
        self._cell.build((None, self.width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        state = carry = ops.zeros_like(vectors[:, 0])
        # A few steps: unrolled, phones need no loop for them.
        for place in range(vectors.shape[1]):
            _, (new_state, new_carry) = self._cell(vectors[:, place], [state, carry])
            read = shown[:, place, None]
            state, carry = ops.where(read, new_state, state), ops.where(read, new_carry, carry)
        return state
