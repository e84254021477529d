"""Co-attention, both ways."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.fusion import presence, shown_steps
from multimodal_keras.base.steps import masked_mean, masked_softmax
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class CoAttentionFusion(CommonWidthFusion):
    """Each modality chooses among its own tokens by how they fit the tokens of all others; the choices are averaged.

    Parallel co-attention: one table of affinities between the tokens of two modalities steers the attention in both of
    them. Where `CrossAttentionFusion` fetches content from the others, here they only say where to look.

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
    >>> mk.CoAttentionFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Lu et al., Hierarchical Question-Image Co-Attention for Visual Question Answering (arXiv:1606.00061), 3.3.
    """

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._affinity, self._own, self._other, self._score = (
            keras.layers.Dense(units, use_bias=False, dtype=self.dtype_policy, name=name)
            for name, units in (("affinity", self.width), ("own", self.width), ("other", self.width), ("score", 1))
        )
        for layer in (self._affinity, self._own, self._other, self._score):
            layer.build((None, None, self.width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        shown = presence(tokens, present)
        projected = self.projected(tokens, training)
        visible = {name: shown_steps(projected[name], (masks or {}).get(name), shown[name]) for name in projected}
        chosen = []
        for name, own in projected.items():
            others = [other for other in projected if other != name] or [name]
            context = ops.concatenate([projected[other] for other in others], axis=1)
            seen = ops.concatenate([visible[other] for other in others], axis=1)
            steered = ops.tanh(self._own(own) + self._steering(own, context, seen))
            weights = masked_softmax(self._score(steered)[:, :, 0], visible[name])
            chosen.append(ops.sum(own * ops.cast(weights, own.dtype)[:, :, None], axis=1))
        return masked_mean(ops.stack(chosen, axis=1), ops.stack(list(shown.values()), axis=1))

    def _steering(self, own: Any, context: Any, seen: Any) -> Any:
        """For each own token, the others' tokens by their affinity to it."""
        scale = self.width**-0.5
        affinity = ops.tanh(ops.matmul(own, ops.transpose(self._affinity(context), (0, 2, 1))) * scale)
        shown = ops.cast(seen, own.dtype)[:, None, :]
        count = ops.maximum(ops.sum(shown, axis=-1, keepdims=True), 1)
        return ops.matmul(affinity * shown / count, self._other(context))
