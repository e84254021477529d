"""Dense encoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Encoder, FeatureSpec
from multimodal_keras.base.numbers import whole
from multimodal_keras.registry import register


@register
class DenseEncoder(Encoder):
    """One projection of a vector to one token: for embeddings that were computed elsewhere.

    Args:
        width: of the token.
        dropout: the rate of dropout on the vector.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, features)`.

    Returns:
        One token `(batch, 1, width)`.

    Raises:
        ValueError: if the width is below 1, or the features are no vector of plain numbers.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.DenseEncoder(8)(np.zeros((2, 512), "float32")).shape
    TensorShape([2, 1, 8])

    Reference:
        Alain and Bengio, Understanding Intermediate Layers Using Linear Classifier Probes (arXiv:1610.01644).
    """

    default_pooling = "mean"

    def __init__(self, width: int = 128, *, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = whole("width", width)
        self.dropout = float(dropout)
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self._project = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="project")

    def configure(self, features: FeatureSpec) -> None:
        if features.columns:
            raise ValueError(
                "A dense encoder takes plain numbers. Received a table, whose categories are ids. Choose MLPEncoder or "
                "FeatureTokenEncoder."
            )

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        if len(features_shape) != 2 or step_mask_shape is not None:
            raise ValueError(
                f"A dense encoder takes a vector (batch, features). Received the shape {tuple(features_shape)}. Choose an "
                "encoder for this modality."
            )
        self._project.build(features_shape)
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        vector = self._dropout(ops.cast(features, self.compute_dtype), training=training)
        return ops.expand_dims(self._project(vector), 1)

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        return (features_shape[0], 1, self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "dropout": self.dropout}
