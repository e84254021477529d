"""Feature-wise linear modulation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.steps import masked_mean
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.fusion.others import others_mean
from multimodal_keras.registry import register


@register
class FiLMFusion(CommonWidthFusion):
    """Each modality is scaled and shifted, unit by unit, as the others say; the results are averaged.

    Use it where one modality sets the context in which another is read, such as a question and a picture.

    Args:
        width: the width of the projections and of the answer.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`; zeros where nothing is present.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.FiLMFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer (arXiv:1709.07871).
    """

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._condition = keras.layers.Dense(2 * self.width, dtype=self.dtype_policy, name="condition")
        self._condition.build((None, None, self.width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        scale, shift = ops.split(self._condition(others_mean(vectors, shown)), 2, axis=-1)
        # Around one, so that an untrained modulation changes little.
        return masked_mean((1 + scale) * vectors + shift, shown)
