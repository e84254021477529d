"""A Perceiver resampler."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.fusion import presence, shown_steps
from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.attention import AttentionFusion
from multimodal_keras.registry import register


@register
class PerceiverFusion(AttentionFusion):
    """A fixed number of learned latents reads the tokens of all modalities, then talks among itself.

    The cost grows with the number of tokens only once, in the reading. Use it for long sequences and many modalities.

    Args:
        width: the width inside and of the answer; a multiple of `attention_heads`.
        latents: how many.
        layers: how often the latents read and talk.
        attention_heads: how many heads each block has.
        dropout: the rate of dropout on the projections and inside the blocks.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`: the mean of the latents.

    Raises:
        ValueError: if `width` is no multiple of `attention_heads`.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.PerceiverFusion(width=8, layers=1)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 8])

    Reference:
        Jaegle et al., Perceiver IO (arXiv:2107.14795); Alayrac et al., Flamingo (arXiv:2204.14198), the resampler.
    """

    def __init__(self, width: int = 128, *, latents: int = 8, layers: int = 2, **kwargs: Any) -> None:
        super().__init__(width, layers=layers, **kwargs)
        self.latents = whole("latents", latents)
        self._norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy)

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self._latents = self.add_weight(name="latents", shape=(1, self.latents, self.width), initializer=normal)
        self._types = self.add_weight(name="types", shape=(len(tokens_shape), self.width), initializer=normal)
        self._reading, self._talking = self.blocks("reading", cross=True), self.blocks("talking")
        self._norm.build((None, None, self.width))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        shown = presence(tokens, present)
        projected = self.projected(tokens, training)
        types = ops.cast(self._types, self.compute_dtype)
        context = ops.concatenate([projected[name] + types[place] for place, name in enumerate(projected)], axis=1)
        visible = [shown_steps(projected[name], (masks or {}).get(name), shown[name]) for name in projected]
        seen = ops.concatenate(visible, axis=1)
        rows = ops.shape(seen)[0]
        latents = ops.broadcast_to(ops.cast(self._latents, self.compute_dtype), (rows, self.latents, self.width))
        for read, talk in zip(self._reading, self._talking, strict=True):
            latents = talk(read(latents, seen, context, training=training), training=training)
        return ops.mean(self._norm(latents), axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "latents": self.latents}
