"""The gated multimodal unit."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.fusion import presence
from multimodal_keras.base.steps import masked_softmax
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class GatedFusion(CommonWidthFusion):
    """Every unit of the answer decides, record by record, how much of each modality it takes.

    The gate of each unit is a softmax over the modalities that are present; it sees all of them. For two modalities
    this is the bimodal gated multimodal unit; the softmax extends it to more.

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
    >>> mk.GatedFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Arevalo et al., Gated Multimodal Units for Information Fusion (arXiv:1702.01992).
    """

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._gate = keras.layers.Dense(self.width * len(tokens_shape), dtype=self.dtype_policy, name="gate")
        self._gate.build((None, sum(shape[-1] or 0 for shape in tokens_shape.values())))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.vectors(tokens, masks)
        scores = self._gate(ops.concatenate(list(vectors.values()), axis=-1))
        scores = ops.reshape(scores, (-1, len(vectors), self.width))
        shown = ops.stack(list(presence(tokens, present).values()), axis=1)
        gates = ops.cast(masked_softmax(scores, ops.expand_dims(shown, -1), axis=1), self.compute_dtype)
        contents = ops.stack(list(self.projected(vectors, training).values()), axis=1)
        return ops.sum(gates * ops.tanh(contents), axis=1)
