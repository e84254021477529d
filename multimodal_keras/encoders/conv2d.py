"""Conv2D encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Encoder
from multimodal_keras.registry import register


@register
class Conv2DEncoder(Encoder):
    """A stack of strided convolutions over a picture, each cell of whose last grid is a token, or over a spectrum.

    The default for pictures and sounds. Group normalisation keeps the records of a batch apart.

    Args:
        filters: the width of each stage; each stage halves height and width.
        kernel_size: the side of the kernels.
        downsample: how: `"stride"`, by the convolution itself, which is much faster; or `"max"`, by max-pooling after it,
            which does better where pictures are few.
        separable: whether all stages but the first are depthwise-separable: faster and smaller.
        dropout: the rate of dropout on whole channels after each stage but the first.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, height, width, channels)`, pixels in [0, 1]; or `(batch, steps, channels)`, frames of a
            spectrum, which are taken for a picture of one colour, as high as there are steps.
        step_mask: `bool (batch, steps)` or None, for frames. What stands in steps that do not count is taken for zeros.

    Returns:
        Tokens `(batch, cells, filters[-1])`, row by row. Of a spectrum `(batch, rows, bands * filters[-1])`: a row is a
        token, because a high tone is not a low one; with a mask of the rows if one of the steps was given. Pooled by the
        mean.

    Raises:
        ValueError: if the picture is too small for the number of stages.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.Conv2DEncoder(filters=(8, 16))(np.zeros((1, 32, 32, 3), "float32")).shape
    TensorShape([1, 64, 16])

    Reference:
        Springenberg et al., Striving for Simplicity: The All Convolutional Net (arXiv:1412.6806); Wu and He, Group
        Normalization (arXiv:1803.08494).
    """

    default_pooling = "mean"

    def __init__(
        self,
        filters: Sequence[int] = (32, 64, 128, 192),
        *,
        kernel_size: int = 3,
        downsample: str = "stride",
        separable: bool = False,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = tuple(int(width) for width in filters)
        if not self.filters or min(self.filters) < 1:
            raise ValueError(f"filters names the width of at least one stage. Received {filters!r}.")
        if downsample not in ("stride", "max"):
            raise ValueError(f"downsample is 'stride' or 'max'. Received {downsample!r}. Choose one of these.")
        self.kernel_size = int(kernel_size)
        self.downsample = downsample
        self.separable = bool(separable)
        self.dropout = float(dropout)
        self._stages = [self._stage(index, width) for index, width in enumerate(self.filters)]

    def _stage(self, index: int, width: int) -> list[keras.layers.Layer]:
        convolution = keras.layers.SeparableConv2D if self.separable and index else keras.layers.Conv2D
        policy = self.dtype_policy
        strides, pooling = (2, []) if self.downsample == "stride" else (1, [keras.layers.MaxPooling2D(padding="same")])
        return [
            convolution(width, self.kernel_size, strides=strides, padding="same", use_bias=False, dtype=policy),
            keras.layers.GroupNormalization(groups=_groups(width), dtype=policy),
            keras.layers.Activation("relu", dtype=policy),
            *pooling,
            keras.layers.SpatialDropout2D(self.dropout if index else 0.0, dtype=policy),
        ]

    def build(self, features_shape: tuple[int | None, ...], step_mask_shape: Any = None) -> None:
        features_shape = _as_picture(features_shape)
        if len(features_shape) != 4 or min(features_shape[1] or 0, features_shape[2] or 0) < 2 ** (
            len(self.filters) - 1
        ):
            raise ValueError(
                f"{len(self.filters)} stages need a picture (height, width, channels) of at least "
                f"{2 ** (len(self.filters) - 1)} pixels a side. Received the shape {tuple(features_shape[1:])}. "
                "Name fewer filters, or make the picture larger."
            )
        shape = tuple(features_shape)
        for stage in self._stages:
            for layer in stage:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        grid = ops.cast(features, self.compute_dtype)
        if step_mask is not None:
            grid = ops.where(ops.expand_dims(step_mask, -1), grid, ops.zeros_like(grid))
        grid = ops.expand_dims(grid, -1) if len(grid.shape) == 3 else grid * 2 - 1
        for stage in self._stages:
            for layer in stage:
                grid = layer(grid, training=training) if isinstance(layer, keras.layers.Dropout) else layer(grid)
        height, width = grid.shape[1:3]
        if len(features.shape) == 4:
            return ops.reshape(grid, (-1, height * width, self.filters[-1]))
        tokens = ops.reshape(grid, (-1, height, width * self.filters[-1]))
        # A row counts if its first step does.
        return tokens if step_mask is None else (tokens, step_mask[:, :: 2 ** len(self.filters)])

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        height, width = self._cells(features_shape)
        if len(features_shape) == 4:
            return (features_shape[0], height * width, self.filters[-1])
        tokens = (features_shape[0], height, width * self.filters[-1])
        return tokens if step_mask_shape is None else (tokens, tokens[:2])

    def grid(self, features_shape: Any) -> tuple[int, int] | None:
        return self._cells(features_shape) if len(features_shape) == 4 else None

    def _cells(self, features_shape: Any) -> tuple[int, int]:
        height, width = _as_picture(features_shape)[1:3]
        for _ in self.filters:
            height, width = -(-height // 2), -(-width // 2)
        return height, width

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": list(self.filters),
            "kernel_size": self.kernel_size,
            "downsample": self.downsample,
            "separable": self.separable,
            "dropout": self.dropout,
        }


def _as_picture(shape: tuple[int | None, ...]) -> Any:
    return (*shape, 1) if len(shape) == 3 else tuple(shape)


def _groups(width: int) -> int:
    """About 16 channels a group, as many groups as divide the width."""
    wanted = max(1, width // 16)
    return next(groups for groups in range(wanted, 0, -1) if width % groups == 0)
