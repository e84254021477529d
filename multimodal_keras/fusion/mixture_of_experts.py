"""A mixture of experts."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.base.steps import masked_softmax
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class MixtureOfExpertsFusion(CommonWidthFusion):
    """Several small networks see all modalities side by side, and a gate says how much each counts for this record.

    Use it where records fall into groups that want different treatment. All experts run: the mixture is soft, so that
    every expert learns and a phone needs no dynamic shapes.

    Args:
        width: the width of the projections and of the answer.
        experts: how many networks.
        hidden_units: of each of them.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `experts` or `hidden_units` is below 1.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.MixtureOfExpertsFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Jacobs et al., Adaptive Mixtures of Local Experts (Neural Computation 3, 1991); Shazeer et al., Outrageously
        Large Neural Networks (arXiv:1701.06538).
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, experts: int = 4, hidden_units: int = 128, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.experts = whole("experts", experts)
        self.hidden_units = whole("hidden_units", hidden_units)

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        wide = self.width * len(tokens_shape)
        policy = self.dtype_policy
        self._gate = keras.layers.Dense(self.experts, dtype=policy, name="gate")
        self._gate.build((None, wide))
        self._networks = [
            (
                keras.layers.Dense(self.hidden_units, activation="gelu", dtype=policy, name=f"hidden_{number}"),
                keras.layers.Dense(self.width, dtype=policy, name=f"answer_{number}"),
            )
            for number in range(self.experts)
        ]
        for hidden, answer in self._networks:
            hidden.build((None, wide))
            answer.build((None, self.hidden_units))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        joined = ops.concatenate(list(self.projected(self.vectors(tokens, masks), training).values()), axis=-1)
        answers = ops.stack([answer(hidden(joined)) for hidden, answer in self._networks], axis=1)
        weights = ops.cast(masked_softmax(self._gate(joined), None), answers.dtype)
        return ops.sum(answers * weights[:, :, None], axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "experts": self.experts, "hidden_units": self.hidden_units}
