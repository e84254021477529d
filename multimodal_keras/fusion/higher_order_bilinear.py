"""Higher-order factorized bilinear pooling."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.fusion.hadamard import power_normalised
from multimodal_keras.registry import register


@register
class HigherOrderBilinearFusion(CommonWidthFusion):
    """Factorized bilinear pooling in a cascade: each stage multiplies what the stage before it found.

    Generalized factorized high-order pooling (MFH). Use it where `FactorizedBilinearFusion` is too weak; it costs
    `order` times as much.

    Args:
        width: the width of the answer; a multiple of `order`.
        order: how many stages.
        factors: how many products are summed for a unit.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`: the stages side by side, each of unit length.

    Raises:
        ValueError: if `order` or `factors` is below 1, or `width` is no multiple of `order`.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.HigherOrderBilinearFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Yu et al., Beyond Bilinear: Generalized Multimodal Factorized High-order Pooling for Visual Question Answering
        (arXiv:1708.03619).
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, order: int = 2, factors: int = 4, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        if min(order, factors) < 1 or width % max(order, 1):
            raise ValueError(
                "order and factors are at least 1, and width is a multiple of order. "
                f"Received order={order!r}, factors={factors!r}, width={width!r}. Change one of them."
            )
        self.order = int(order)
        self.factors = int(factors)

    @property
    def projection_width(self) -> int:
        return self.width * self.factors

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        product = None
        for factor in vectors.values():
            product = factor if product is None else product * factor
        # One part of the projections for each stage, times all the parts before it.
        parts = ops.split(product, self.order, axis=-1)
        stages, before = [], None
        for part in parts:
            before = part if before is None else before * part
            summed = ops.sum(ops.reshape(before, (-1, self.width // self.order, self.factors)), axis=-1)
            stages.append(power_normalised(summed))
        return ops.concatenate(stages, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "order": self.order, "factors": self.factors}
