"""Conv3D encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Encoder
from multimodal_keras.registry import register


@register
class Conv3DEncoder(Encoder):
    """A stack of strided convolutions over time and space; each cell of the last grid is a token.

    Use it where movement says more than what a single frame shows.

    Args:
        filters: the width of each stage; each stage halves height and width, all but the first also the frames.
        kernel_size: the side of the kernels, in frames and pixels.
        dropout: the rate of dropout on whole channels after each stage but the first.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, frames, height, width, channels)`, pixels in [0, 1].
        training: whether dropout is active.

    Returns:
        Tokens `(batch, cells, filters[-1])`, frame by frame and row by row. Pooled by the mean.

    Raises:
        ValueError: if there is no stage, or the features are no videos.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.Conv3DEncoder(filters=(4, 8))(np.zeros((1, 8, 16, 16, 3), "float32")).shape
    TensorShape([1, 64, 8])

    Reference:
        Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks (arXiv:1412.0767).
    """

    default_pooling = "mean"

    def __init__(
        self, filters: Sequence[int] = (16, 32, 64, 128), *, kernel_size: int = 3, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = tuple(int(width) for width in filters)
        if not self.filters or min(*self.filters, kernel_size) < 1:
            raise ValueError(
                f"filters names the width of at least one stage, kernel_size is at least 1. Received {filters!r} and "
                f"{kernel_size!r}. Correct them."
            )
        self.kernel_size = int(kernel_size)
        self.dropout = float(dropout)
        policy = self.dtype_policy
        self._convolutions = [
            keras.layers.Conv3D(
                width, self.kernel_size, strides=(2 if stage else 1, 2, 2), padding="same", use_bias=False, dtype=policy
            )
            for stage, width in enumerate(self.filters)
        ]
        self._norms = [keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy) for _ in self.filters]
        self._dropout = keras.layers.SpatialDropout1D(self.dropout, dtype=policy)

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        if len(features_shape) != 5:
            raise ValueError(
                "A 3-D convolution takes videos (batch, frames, height, width, channels). Received the shape "
                f"{tuple(features_shape)}. Choose an encoder for this modality."
            )
        shape = tuple(features_shape)
        for convolution, norm in zip(self._convolutions, self._norms, strict=True):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            norm.build((None, None, shape[-1]))
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        grid = ops.cast(features, self.compute_dtype) * 2 - 1
        cells = grid
        for stage, (convolution, norm) in enumerate(zip(self._convolutions, self._norms, strict=True)):
            grid = convolution(grid)
            # As a sequence, because interpreters on phones know no arithmetic over more than five dimensions.
            shape = grid.shape[1:]
            cells = ops.relu(norm(ops.reshape(grid, (-1, shape[0] * shape[1] * shape[2], shape[3]))))
            cells = self._dropout(cells, training=training) if stage else cells
            grid = ops.reshape(cells, (-1, *shape))
        return cells

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        frames, height, width = features_shape[1:4]
        for stage, _ in enumerate(self.filters):
            height, width = -(-height // 2), -(-width // 2)
            frames = -(-frames // 2) if stage else frames
        return (features_shape[0], frames * height * width, self.filters[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": list(self.filters),
            "kernel_size": self.kernel_size,
            "dropout": self.dropout,
        }
