"""The average of decisions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.fusion import presence
from multimodal_keras.base.numbers import whole
from multimodal_keras.base.steps import masked_mean, masked_softmax
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class DecisionAverageFusion(CommonWidthFusion):
    """Each modality decides by itself, and the decisions of those that are present are averaged.

    Late fusion: modalities never meet before they have decided. A decision is a distribution over `width` learned
    alternatives, which the head reads. Hard to beat where modalities are independent, and robust where one is missing.

    Args:
        width: how many alternatives there are.
        hidden_units: of the network with which each modality decides.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`; zeros where nothing is present.

    Raises:
        ValueError: if `hidden_units` is below 1.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.DecisionAverageFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Morvant et al., Majority Vote of Diverse Classifiers for Late Fusion (arXiv:1404.7796).
    """

    def __init__(self, width: int = 64, *, hidden_units: int = 128, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.hidden_units = whole("hidden_units", hidden_units)
        self._deciders: dict[str, keras.layers.Dense] = {}

    @property
    def projection_width(self) -> int:
        return self.hidden_units

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        for name in tokens_shape:
            decider = keras.layers.Dense(self.width, dtype=self.dtype_policy, name=f"decide_{name}")
            decider.build((None, self.hidden_units))
            self._deciders[name] = decider

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        decided = [self._deciders[name](ops.gelu(vectors[name])) for name in vectors]
        shown = ops.stack(list(presence(tokens, present).values()), axis=1)
        decisions = ops.cast(masked_softmax(ops.stack(decided, axis=1), None), self.compute_dtype)
        return masked_mean(decisions, shown)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden_units": self.hidden_units}
