"""Frame encoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Encoder, FeatureSpec, split_steps
from multimodal_keras.base.steps import pool
from multimodal_keras.registry import get, register


@register
class FrameEncoder(Encoder):
    """Any encoder of pictures for each frame of a video, and any encoder of sequences over time.

    The default for videos. With a pretrained network for the frames (`BackboneEncoder`) it needs few videos.

    Args:
        frame: the encoder of a frame: its name, config or an instance. Its tokens are pooled as it says.
        time: the encoder over the frames, likewise.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, frames, height, width, channels)`.
        training: whether dropout is active.

    Returns:
        Tokens `(batch, frames, width)`, those of `time`. Pooled as it says.

    Raises:
        ValueError: for an unknown encoder, or features that are no videos.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> encoder = mk.FrameEncoder(mk.Conv2DEncoder((4, 8)), mk.LSTMEncoder(6))
    >>> encoder(np.zeros((2, 5, 16, 16, 3), "float32")).shape
    TensorShape([2, 5, 6])

    Reference:
        Donahue et al., Long-term Recurrent Convolutional Networks for Visual Recognition and Description (arXiv:1411.4389).
    """

    def __init__(self, frame: Any = "Conv2DEncoder", time: Any = "GRUEncoder", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frame = get(frame, Encoder)
        self.time = get(time, Encoder)
        self.default_pooling = self.time.default_pooling

    def configure(self, features: FeatureSpec) -> None:
        self.frame.configure(FeatureSpec(tuple(features.shape[1:]), features.dtype))

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        if len(features_shape) != 5:
            raise ValueError(
                f"A frame encoder takes videos (batch, frames, height, width, channels). Received the shape "
                f"{tuple(features_shape)}. Choose an encoder for this modality."
            )
        frame = (None, *features_shape[2:])
        self.frame.build(frame)
        self.time.build((features_shape[0], features_shape[1], self._width(frame)))
        self.built = True

    def _width(self, frame: tuple[int | None, ...]) -> int:
        tokens, _ = _shapes(self.frame.compute_output_shape(frame))
        return int(tokens[-1])

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        frames, picture = features.shape[1], features.shape[2:]
        tokens, mask = split_steps(self.frame(ops.reshape(features, (-1, *picture)), training=training))
        vectors = pool(tokens, mask, self.frame.default_pooling)
        return self.time(ops.reshape(vectors, (-1, frames, vectors.shape[-1])), step_mask, training=training)

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        width = self._width((None, *features_shape[2:]))
        return self.time.compute_output_shape((features_shape[0], features_shape[1], width), step_mask_shape)

    def get_config(self) -> dict[str, Any]:
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("frame", "time")}
        return {**super().get_config(), **parts}


def _shapes(shape: Any) -> tuple[Any, Any]:
    return shape if isinstance(shape[0], tuple) else (shape, None)
