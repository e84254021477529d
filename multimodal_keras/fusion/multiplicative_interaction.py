"""Multiplicative interactions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.fusion.multilinear import outer_product
from multimodal_keras.registry import register


@register
class MultiplicativeInteractionFusion(CommonWidthFusion):
    """A linear answer to each modality, and a bilinear one to each pair of them.

    The general form of second-order fusion: gating, `FiLMFusion` and `HypernetworkFusion` are cases of it. Unlike
    `TuckerFusion` its cost grows with the number of pairs only.

    Args:
        width: the width of the answer.
        factor_width: the width to which each modality is brought first.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `factor_width` is below 1.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.MultiplicativeInteractionFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Jayakumar et al., Multiplicative Interactions and Where to Find Them (ICLR 2020).
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, factor_width: int = 24, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.factor_width = whole("factor_width", factor_width)

    @property
    def projection_width(self) -> int:
        return self.factor_width

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        names = sorted(tokens_shape)
        self._pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
        linear, bilinear = len(names) * self.factor_width, len(self._pairs) * self.factor_width**2
        self._answer = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="answer")
        self._answer.build((None, linear + bilinear))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        terms = [*vectors.values(), *(outer_product((vectors[one], vectors[other])) for one, other in self._pairs)]
        return self._answer(ops.concatenate(terms, axis=-1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor_width": self.factor_width}
