"""Cross-attention between modalities."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.base.fusion import presence, shown_steps
from multimodal_keras.base.steps import masked_mean, pool
from multimodal_keras.fusion.attention import AttentionFusion
from multimodal_keras.registry import register


@register
class CrossAttentionFusion(AttentionFusion):
    """The vector of each modality attends to the tokens of all others, and the answers that are present are averaged.

    Use it where one modality says where to look in another: a word of a title, a corner of a picture.

    Args:
        width: the width of the tokens inside and of the answer; a multiple of `attention_heads`.
        layers: how often it attends.
        attention_heads: how many heads each block has.
        dropout: the rate of dropout on the projections and inside the blocks.
        pooling: how the tokens of a modality become the vector that asks; see `Fusion`.
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
    >>> mk.CrossAttentionFusion(width=8)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 8])

    Reference:
        Tsai et al., Multimodal Transformer for Unaligned Multimodal Language Sequences (arXiv:1906.00295), with one
        query for each modality.
    """

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._blocks = {name: self.blocks(f"attend_{name}", cross=True) for name in tokens_shape}

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        shown = presence(tokens, present)
        projected = self.projected(tokens, training)
        visible = {name: shown_steps(projected[name], (masks or {}).get(name), shown[name]) for name in projected}
        answers = []
        for name in projected:
            asked = ops.expand_dims(pool(projected[name], (masks or {}).get(name), self.pooling_of(name)), 1)
            others = [other for other in projected if other != name] or [name]
            context = ops.concatenate([projected[other] for other in others], axis=1)
            context_mask = ops.concatenate([visible[other] for other in others], axis=1)
            for block in self._blocks[name]:
                asked = block(asked, context_mask, context, training=training)
            answers.append(asked[:, 0])
        return masked_mean(ops.stack(answers, axis=1), ops.stack(list(shown.values()), axis=1))
