"""Channels exchanged between modalities."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.base.steps import masked_mean
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.fusion.others import others_mean
from multimodal_keras.registry import register


@register
class ChannelExchangeFusion(CommonWidthFusion):
    """Each modality gives up some of its channels for the mean of the others; the results are averaged.

    How much of a channel is exchanged is learned, channel by channel and modality by modality. In the paper a channel
    is exchanged as a whole once its scaling factor is small; the share here lets the gradient through.

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
    >>> mk.ChannelExchangeFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Wang et al., Deep Multimodal Fusion by Channel Exchanging (arXiv:2011.05005).
    """

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._logits = self.add_weight(name="logits", shape=(len(tokens_shape), self.width), initializer="zeros")

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        # A sigmoid of -2: at first an eighth is exchanged.
        share = ops.cast(ops.sigmoid(self._logits - 2.0), vectors.dtype)
        others = others_mean(vectors, shown)
        # Alone, a modality keeps what it has.
        accompanied = ops.cast(ops.sum(ops.cast(shown, "int32"), axis=1) > 1, vectors.dtype)[:, None, None]
        return masked_mean(vectors + accompanied * share * (others - vectors), shown)
