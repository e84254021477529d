"""A full Tucker decomposition."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.fusion.multilinear import check_entries, outer_product
from multimodal_keras.registry import register


@register
class TuckerFusion(CommonWidthFusion):
    """Every unit of each modality meets every unit of all others in a learned core tensor.

    The most general bilinear fusion at a given `factor_width`. The core grows with its power, so keep it small with
    three modalities or more; `MutanFusion` and `BlockFusion` are its cheaper forms.

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
        ValueError: if `factor_width` is below 1, or the core is too large for so many modalities.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.TuckerFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Tucker, Some mathematical notes on three-mode factor analysis (Psychometrika 31, 1966); Ben-younes et al., MUTAN
        (arXiv:1705.06676), 3.1, for its use as a fusion.
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, factor_width: int = 16, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.factor_width = whole("factor_width", factor_width)

    @property
    def projection_width(self) -> int:
        return self.factor_width

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        entries = check_entries([self.factor_width] * len(tokens_shape), "factor_width")
        self._core = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="core")
        self._core.build((None, entries))

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        return self._core(outer_product(ops.tanh(vector) for vector in vectors.values()))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor_width": self.factor_width}
