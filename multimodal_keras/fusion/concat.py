"""Concatenation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Fusion
from multimodal_keras.base.steps import width_of
from multimodal_keras.registry import register


@register
class ConcatFusion(Fusion):
    """The vectors of all modalities side by side.

    The default and the first thing to try: the head finds out what each is worth. An absent modality is replaced by a
    learned vector, because its place cannot be left out.

    Args:
        dropout: the rate of dropout on the concatenated vector.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, sum of widths)`.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.ConcatFusion()({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 11])

    Reference:
        Baltrušaitis et al., Multimodal Machine Learning: A Survey and Taxonomy (arXiv:1705.09406), joint
        representations.
    """

    missing = "embed"

    def __init__(self, *, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dropout = float(dropout)
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def build(self, tokens_shape: Any, masks_shape: Any = None, present_shape: Any = None) -> None:
        self.built = True

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        joined = ops.concatenate(list(self.vectors(tokens, masks).values()), axis=-1)
        return self._dropout(ops.cast(joined, self.compute_dtype), training=training)

    def compute_output_shape(self, tokens_shape: Any, masks_shape: Any = None, present_shape: Any = None) -> Any:
        first = tokens_shape[min(tokens_shape)]
        return (first[0], sum(width_of(tuple(shape)) for shape in tokens_shape.values()))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dropout": self.dropout}
