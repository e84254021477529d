"""A non-local gate."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.fusion import presence, shown_steps
from multimodal_keras.base.steps import masked_mean, masked_softmax
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class NonLocalGateFusion(CommonWidthFusion):
    """The mean of the modalities, gated by what it finds among the tokens of all of them.

    The mean vector asks every token of every modality, as a non-local block does, and the answer gates the mean unit by
    unit. Cheaper than `TransformerFusion`: there is one query.

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
    >>> mk.NonLocalGateFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Wang et al., What Makes Training Multi-Modal Classification Networks Hard? (arXiv:1905.12681), the gate;
        Wang et al., Non-local Neural Networks (arXiv:1711.07971), the block.
    """

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._query, self._key, self._value, self._gate = (
            keras.layers.Dense(self.width, dtype=self.dtype_policy, name=name)
            for name in ("query", "key", "value", "gate")
        )
        for layer in (self._query, self._key, self._value, self._gate):
            layer.build((None, None, self.width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        shown = presence(tokens, present)
        projected = self.projected(tokens, training)
        everything = ops.concatenate(list(projected.values()), axis=1)
        visible = [shown_steps(projected[name], (masks or {}).get(name), shown[name]) for name in projected]
        pooled = ops.stack(list(self.vectors(projected, masks).values()), axis=1)
        asked = masked_mean(pooled, ops.stack(list(shown.values()), axis=1))
        scores = ops.sum(self._key(everything) * self._query(asked)[:, None], axis=-1) * self.width**-0.5
        weights = ops.cast(masked_softmax(scores, ops.concatenate(visible, axis=1)), asked.dtype)
        found = ops.sum(self._value(everything) * weights[:, :, None], axis=1)
        return asked * 2 * ops.sigmoid(self._gate(found))
