"""Stacked decisions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.base.steps import masked_softmax
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class DecisionStackingFusion(CommonWidthFusion):
    """Each modality decides by itself, and a last layer learns whom to believe in what.

    Late fusion by stacking: like `DecisionAverageFusion`, but the decisions are put side by side and weighed. An absent
    modality decides by a learned vector.

    Args:
        width: the width of the answer.
        decisions: how many alternatives each modality decides among.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `decisions` is below 2.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.DecisionStackingFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Wolpert, Stacked Generalization (Neural Networks 5, 1992).
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, decisions: int = 32, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.decisions = whole("decisions", decisions, least=2)

    @property
    def projection_width(self) -> int:
        return self.decisions

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._stack = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="stack")
        self._stack.build((None, self.decisions * len(tokens_shape)))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        decided = [ops.cast(masked_softmax(vector, None), self.compute_dtype) for vector in vectors.values()]
        return self._stack(ops.concatenate(decided, axis=-1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "decisions": self.decisions}
