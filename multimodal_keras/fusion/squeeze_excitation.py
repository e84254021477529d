"""Squeeze and excitation over modalities."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.base.steps import masked_mean
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class SqueezeExcitationFusion(CommonWidthFusion):
    """All modalities together decide how loud each channel of each modality is; the results are averaged.

    The transfer module of multimodal networks (MMTM), at one place of the network. Use it where channels of one
    modality are telling only beside something in another.

    Args:
        width: the width of the projections and of the answer.
        reduction: by how much the joint vector is narrower than the modalities side by side.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`; zeros where nothing is present.

    Raises:
        ValueError: if `reduction` is below 1.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.SqueezeExcitationFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Joze et al., MMTM: Multimodal Transfer Module for CNN Fusion (arXiv:1911.08670); Hu et al.,
        Squeeze-and-Excitation Networks (arXiv:1709.01507).
    """

    def __init__(self, width: int = 128, *, reduction: int = 4, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.reduction = whole("reduction", reduction)

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        wide = self.width * len(tokens_shape)
        narrow = max(1, wide // self.reduction)
        self._squeeze = keras.layers.Dense(narrow, activation="gelu", dtype=self.dtype_policy, name="squeeze")
        self._excite = keras.layers.Dense(wide, activation="sigmoid", dtype=self.dtype_policy, name="excite")
        self._squeeze.build((None, wide))
        self._excite.build((None, narrow))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors, shown = self.stacked(tokens, masks, present, training)
        seen = ops.where(shown[:, :, None], vectors, ops.zeros_like(vectors))
        joint = self._squeeze(ops.reshape(seen, (-1, seen.shape[1] * self.width)))
        gates = ops.reshape(self._excite(joint), (-1, seen.shape[1], self.width))
        # Twice the sigmoid: at first every channel is as loud as it came.
        return masked_mean(2 * gates * vectors, shown)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction": self.reduction}
