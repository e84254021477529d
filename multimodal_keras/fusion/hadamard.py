"""What bilinear fusions share that come down to a product of projections."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.fusion.common_width import CommonWidthFusion


class HadamardFusion(CommonWidthFusion):
    """Base class: the vector of each modality is projected, and the projections are multiplied element by element.

    A subclass says how wide they are (`projection_width`) and what becomes of the product (`combine`). An absent modality
    is replaced by a learned vector: a factor cannot be left out.
    """

    missing = "embed"

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        factors = self.projected(self.vectors(tokens, masks), training)
        product = None
        for name in factors:
            factor = self.activated(factors[name])
            product = factor if product is None else product * factor
        return self.combine(product)

    def activated(self, factor: Any) -> Any:
        """A projection before it is multiplied."""
        return factor

    def combine(self, product: Any) -> Any:
        """The product `(batch, projection_width)` to the answer `(batch, width)`."""
        raise NotImplementedError


def power_normalised(values: Any) -> Any:
    """The signed square root, then unit length: products spread too far to learn from. Smooth at zero.

    Args:
        values: `(batch, width)`.
    """
    inverse_root = ops.rsqrt(ops.abs(values) + 1e-4)
    rooted = values * inverse_root
    # Not the square of `rooted`: TFLite's converter would take that for its L2_NORMALIZATION, which knows no such 1e-4.
    squares = rooted * values * inverse_root
    return rooted * ops.rsqrt(ops.sum(squares, axis=-1, keepdims=True) + 1e-4)
