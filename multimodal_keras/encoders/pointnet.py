"""PointNet encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Encoder
from multimodal_keras.base.steps import masked_max
from multimodal_keras.registry import register


@register
class PointNetEncoder(Encoder):
    """PointNet: one perceptron for all points, and the maximum over them, which their order cannot change.

    Layer normalisation stands where the paper has batch statistics. The turning network (T-Net) is left out unless asked
    for: it pays where clouds come in any position.

    Args:
        units: the width of each layer of the perceptron; the last one is the token's.
        align: whether a small network of the same kind turns and stretches x, y and z first, by a 3 x 3 matrix for each
            cloud.
        dropout: the rate of dropout on the token.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, points, 3 + features)`.
        step_mask: `bool (batch, points)` or None, the points that count.
        training: whether dropout is active.

    Returns:
        One token `(batch, 1, units[-1])`.

    Raises:
        ValueError: if there is no layer, or the features are no points.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.PointNetEncoder([8, 16])(np.zeros((2, 100, 3), "float32")).shape
    TensorShape([2, 1, 16])

    Reference:
        Qi et al., PointNet: Deep Learning on Point Sets for 3D Classification and Segmentation (arXiv:1612.00593).
    """

    default_pooling = "mean"

    def __init__(
        self, units: Sequence[int] = (64, 128, 256), *, align: bool = False, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = tuple(int(width) for width in units)
        if not self.units or min(self.units) < 1:
            raise ValueError(f"units are widths of at least one layer, all at least 1. Received {units!r}. Name some.")
        self.align = bool(align)
        self.dropout = float(dropout)
        self._layers_of_points = self._perceptron()
        self._layers_of_alignment = self._perceptron() if self.align else []
        # Zeros: at first, nothing is turned.
        self._matrix = keras.layers.Dense(9, kernel_initializer="zeros", dtype=self.dtype_policy, name="matrix")
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def _perceptron(self) -> list[tuple[keras.layers.Layer, keras.layers.Layer]]:
        policy = self.dtype_policy
        return [
            (
                keras.layers.Dense(width, dtype=policy),
                keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy),
            )
            for width in self.units
        ]

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        if len(features_shape) != 3 or (features_shape[2] or 0) < 3:
            raise ValueError(
                f"PointNet takes points (batch, points, 3 or more). Received the shape {tuple(features_shape)}. Choose an "
                "encoder for this modality."
            )
        for layers in (self._layers_of_points, self._layers_of_alignment):
            width = features_shape[2]
            for project, norm in layers:
                project.build((None, None, width))
                width = project.units
                norm.build((None, None, width))
        if self.align:
            self._matrix.build((None, self.units[-1]))
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        points = ops.cast(features, self.compute_dtype)
        if self.align:
            points = self._aligned(points, step_mask)
        token = self._dropout(self._largest(self._layers_of_points, points, step_mask), training=training)
        return ops.expand_dims(token, 1)

    def _largest(self, layers: Any, points: Any, mask: Any) -> Any:
        for project, norm in layers:
            points = ops.relu(norm(project(points)))
        return masked_max(points, mask)

    def _aligned(self, points: Any, mask: Any) -> Any:
        change = ops.reshape(self._matrix(self._largest(self._layers_of_alignment, points, mask)), (-1, 3, 3))
        places = points[:, :, :3]
        places = places + ops.matmul(places, change)
        return ops.concatenate([places, points[:, :, 3:]], axis=2) if points.shape[2] > 3 else places

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        return (features_shape[0], 1, self.units[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": list(self.units), "align": self.align, "dropout": self.dropout}
