"""Pairwise cross-modal Transformers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from keras import ops

from multimodal_keras.base.fusion import presence, shown_steps
from multimodal_keras.base.steps import masked_mean, pool
from multimodal_keras.fusion.attention import AttentionFusion
from multimodal_keras.registry import register


@register
class PairwiseTransformerFusion(AttentionFusion):
    """For each ordered pair of modalities, the tokens of one attend to those of the other; all of it is pooled and averaged.

    The multimodal Transformer (MulT): no alignment in time is needed. It has a block for each ordered pair and layer,
    so its cost grows with the square of the number of modalities.

    Args:
        width: the width inside and of the answer; a multiple of `attention_heads`.
        layers: how many blocks each pair has.
        attention_heads: how many heads each block has.
        dropout: the rate of dropout on the projections and inside the blocks.
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
    >>> mk.PairwiseTransformerFusion(width=8)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 8])

    Reference:
        Tsai et al., Multimodal Transformer for Unaligned Multimodal Language Sequences (arXiv:1906.00295).
    """

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._blocks = {_key(*pair): self.blocks(_key(*pair), cross=True) for pair in _pairs(tokens_shape)}

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        shown = presence(tokens, present)
        projected = self.projected(tokens, training)
        visible = {name: shown_steps(projected[name], (masks or {}).get(name), shown[name]) for name in projected}
        answers: dict[str, list[Any]] = {name: [] for name in projected}
        for name, other in _pairs(projected):
            sequence = projected[name]
            for block in self._blocks[_key(name, other)]:
                sequence = block(sequence, visible[other], projected[other], training=training)
            answers[name].append(pool(sequence, (masks or {}).get(name), self.pooling_of(name)))
        means = [sum(found) / len(found) for found in answers.values()]
        return masked_mean(ops.stack(means, axis=1), ops.stack(list(shown.values()), axis=1))


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Every ordered pair of two modalities; a single one with itself."""
    known = sorted(names)
    return [(name, other) for name in known for other in known if name != other or len(known) == 1]


def _key(name: str, other: str) -> str:
    return f"{name}_from_{other}"
