"""Videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from multimodal_keras.base import FeatureSpec, Modality
from multimodal_keras.modalities import video_graph
from multimodal_keras.registry import register
from multimodal_keras.runtime.resize import check_picture_request
from multimodal_keras.runtime.video import PICTURES, read_video
from multimodal_keras.runtime.video_files import VIDEO_FILES


@register
class VideoModality(Modality):
    """Moving pictures: the bytes of a GIF, or of several pictures; video files when records are read.

    The host half keeps frames evenly over time, and decodes and resizes them as `ImageModality` does. The device half scales
    to [0, 1] and, while training, turns whole videos round.

    Args:
        frames: how many are kept; where there are fewer, some twice.
        size: `(height, width)` of a frame in pixels.
        resize: `"stretch"` to the size, `"crop"` the middle to its aspect first, or `"pad"` with white to its aspect.
        flip: whether half of the videos are mirrored while training.
        reverse: whether half of them are played backwards while training.
        max_pixels: a video that decodes to more is refused by its headers: of all frames of a GIF together, and
            `max_pixels // frames` of each picture.
        **kwargs: `optional`, and Keras's own (`name`, `dtype`).

    Call arguments:
        tensor: `uint8 (batch, frames, height, width, 3)`.
        training: whether to mirror and reverse.

    Returns:
        `(batch, frames, height, width, 3)` in [0, 1].

    Raises:
        ValueError: for an argument out of its range, or a record's value that is no video.

    Example:

    >>> import numpy as np
    >>> import tensorflow as tf
    >>> import multimodal_keras as mk
    >>> video = mk.VideoModality(frames=2, size=(8, 8))
    >>> files = video.read(np.full((5, 16, 16, 3), 255, "uint8"))
    >>> video.decode(tf.constant([files]))[0].shape
    TensorShape([1, 2, 8, 8, 3])

    Reference:
        Wang et al., Temporal Segment Networks (arXiv:1608.00859), for frames taken from equal parts.
    """

    kind = "video"
    default_encoder = "FrameEncoder"
    file_suffixes = (*VIDEO_FILES, *PICTURES)

    def __init__(
        self,
        frames: int = 16,
        size: Sequence[int] = (96, 96),
        *,
        resize: str = "stretch",
        flip: bool = False,
        reverse: bool = False,
        max_pixels: int = 50_000_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if frames < 1 or len(size) != 2:
            raise ValueError(
                f"frames is at least 1, size is (height, width). Received {frames!r} and {size!r}. Correct them."
            )
        self.frames = int(frames)
        self.size = (int(size[0]), int(size[1]))
        self.resize = resize
        self.flip = bool(flip)
        self.reverse = bool(reverse)
        self.max_pixels = int(max_pixels)
        check_picture_request(self.size, self.resize, self.max_pixels)
        self._seeds = keras.random.SeedGenerator() if flip or reverse else None

    def raw_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((None,), tf.string)

    def tensor_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((self.frames, *self.size, 3), tf.uint8)

    def feature_spec(self) -> FeatureSpec:
        return FeatureSpec((self.frames, *self.size, 3), self.compute_dtype)

    def read(self, value: Any, folder: Path | None = None) -> np.ndarray | None:
        return read_video(value, folder, self.frames)

    @tf.autograph.experimental.do_not_convert
    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = tf.convert_to_tensor(raw, tf.string)
        pixels = video_graph.decode_videos(raw, self.frames, self.size, self.resize, self.max_pixels)
        return pixels, tf.reduce_any(tf.strings.length(raw) > 0, axis=1)

    def call(self, tensor: Any, training: bool | None = None) -> Any:
        pixels = ops.cast(tensor, "float32") / 255.0
        if training:
            for axis, wanted in ((3, self.flip), (1, self.reverse)):
                if wanted:
                    drawn = keras.random.uniform((ops.shape(pixels)[0], 1, 1, 1, 1), seed=self._seeds) < 0.5
                    pixels = ops.where(drawn, ops.flip(pixels, axis=axis), pixels)
        return ops.cast(pixels, self.compute_dtype)

    def compute_output_shape(self, tensor_shape: Any) -> Any:
        return tuple(tensor_shape)

    def contract(self) -> dict[str, Any]:
        return {
            **super().contract(),
            "frames": self.frames,
            "size": list(self.size),
            "resize": self.resize,
            "max_pixels": self.max_pixels,
            "channels": "RGB",
            "range": [0, 255],
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "frames": self.frames,
            "size": list(self.size),
            "resize": self.resize,
            "flip": self.flip,
            "reverse": self.reverse,
            "max_pixels": self.max_pixels,
        }
