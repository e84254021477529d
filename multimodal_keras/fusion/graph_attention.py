"""Graph attention over modalities."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.base.steps import masked_mean, masked_softmax
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class GraphAttentionFusion(CommonWidthFusion):
    """Modalities are the nodes of a complete graph; each takes from its neighbours by an attention of two vectors.

    Cheaper than `LateTransformerFusion`: an edge weighs by what its two ends are, each judged by one learned vector.
    The nodes that are present are averaged.

    Args:
        width: the width of the projections and of the answer; a multiple of `attention_heads`.
        attention_heads: how many heads.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`; zeros where nothing is present.

    Raises:
        ValueError: if `width` is no multiple of `attention_heads`.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.GraphAttentionFusion(width=8)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 8])

    Reference:
        Veličković et al., Graph Attention Networks (arXiv:1710.10903).
    """

    def __init__(self, width: int = 128, *, attention_heads: int = 4, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        if attention_heads < 1 or width % attention_heads:
            raise ValueError(
                f"width is a multiple of attention_heads. Received width={width}, attention_heads={attention_heads}. "
                "Change one of the two."
            )
        self.attention_heads = int(attention_heads)

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        shape = (self.attention_heads, self.width // self.attention_heads)
        self._from = self.add_weight(name="from", shape=shape, initializer="glorot_uniform")
        self._to = self.add_weight(name="to", shape=shape, initializer="glorot_uniform")

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        count, heads = vectors.shape[1], self.attention_heads
        split = ops.transpose(ops.reshape(vectors, (-1, count, heads, self.width // heads)), (0, 2, 1, 3))
        ends = [ops.sum(split * ops.cast(end, split.dtype)[:, None, :], axis=-1) for end in (self._to, self._from)]
        scores = ops.leaky_relu(ends[0][:, :, :, None] + ends[1][:, :, None, :], negative_slope=0.2)
        weights = ops.cast(masked_softmax(scores, shown[:, None, None, :]), split.dtype)
        taken = ops.transpose(ops.matmul(weights, split), (0, 2, 1, 3))
        return masked_mean(ops.elu(ops.reshape(taken, (-1, count, self.width))), shown)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "attention_heads": self.attention_heads}
