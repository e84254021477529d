"""Tensor fusion."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.fusion.multilinear import check_entries, outer_product
from multimodal_keras.registry import register


@register
class TensorFusion(CommonWidthFusion):
    """The outer product of all modalities, each with a one added, so that every subset of them interacts as well.

    Use it with two or three modalities and small widths, where interactions are the point. `LowRankTensorFusion` is the
    same with a cost that does not multiply.

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
        ValueError: if `factor_width` is below 1, or the product is too large for so many modalities.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.TensorFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Zadeh et al., Tensor Fusion Network for Multimodal Sentiment Analysis (arXiv:1707.07250).
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, factor_width: int = 12, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.factor_width = whole("factor_width", factor_width)

    @property
    def projection_width(self) -> int:
        return self.factor_width

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        entries = check_entries([self.factor_width + 1] * len(tokens_shape), "factor_width")
        self._answer = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="answer")
        self._answer.build((None, entries))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        with_one = [ops.pad(vector, ((0, 0), (0, 1)), constant_values=1.0) for vector in vectors.values()]
        return self._answer(outer_product(with_one))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor_width": self.factor_width}
