"""A convolution over stacked features."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class ConvolutionFusion(CommonWidthFusion):
    """The modalities are stacked as channels, and small filters run along their features.

    At each place the filters see all modalities and a few neighbouring features. Use it where features lie in some
    order, and as a fusion with very few weights.

    Args:
        width: the width of the projections and of the answer.
        filters: how many.
        kernel_size: how many neighbouring features a filter sees.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `filters` or `kernel_size` is below 1.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.ConvolutionFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Feichtenhofer et al., Convolutional Two-Stream Network Fusion for Video Action Recognition (arXiv:1604.06573),
        3.1.
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, filters: int = 16, kernel_size: int = 3, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.filters = whole("filters", filters)
        self.kernel_size = whole("kernel_size", kernel_size)

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        policy = self.dtype_policy
        self._filters = keras.layers.Conv1D(
            self.filters, self.kernel_size, padding="same", activation="gelu", dtype=policy, name="filters"
        )
        self._answer = keras.layers.Conv1D(1, 1, dtype=policy, name="answer")
        self._filters.build((None, self.width, len(tokens_shape)))
        self._answer.build((None, self.width, self.filters))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        stacked = ops.stack(list(vectors.values()), axis=-1)
        return self._answer(self._filters(stacked))[:, :, 0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size}
