"""Pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from multimodal_keras.base import FeatureSpec, Modality
from multimodal_keras.modalities import image_graph
from multimodal_keras.registry import register
from multimodal_keras.runtime.reading import read_image

RESIZES = ("stretch", "crop", "pad")


@register
class ImageModality(Modality):
    """Pictures: JPEG, PNG, GIF (first frame), BMP or WebP bytes in, pixels out.

    The host half decodes, puts transparency on white and resizes, in integers (`docs/decoding.md` defines it to the
    bit). The device half scales to [0, 1] and, while training, augments.

    Args:
        size: `(height, width)` in pixels.
        resize: `"stretch"` to the size, `"crop"` the middle to its aspect first, or `"pad"` with white to its aspect.
        augmentation: Keras preprocessing layers, by name, config or instance, for instance
            `["RandomFlip", keras.layers.RandomContrast(0.2)]`; they see pixels in [0, 1], while training only.
        max_pixels: pictures with more pixels are refused by their header.
        **kwargs: `optional`, and Keras's own (`name`, `dtype`).

    Call arguments:
        tensor: `uint8 (batch, height, width, 3)`.
        training: whether to augment.

    Returns:
        `(batch, height, width, 3)` in [0, 1].

    Raises:
        ValueError: for an unknown way to resize, or a record's value that is no picture.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> image = mk.ImageModality(size=(8, 8))
    >>> raw = image.read(np.full((20, 10, 3), 255, "uint8"))
    >>> float(image(image.decode([raw])[0]).numpy().min())
    1.0

    Reference:
        ITU-T T.81 (JPEG), ISO/IEC 15948 (PNG); decoding is defined in `docs/decoding.md`.
    """

    kind = "image"
    default_encoder = "Conv2DEncoder"
    file_suffixes = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")

    def __init__(
        self,
        size: Sequence[int] = (96, 96),
        *,
        resize: str = "stretch",
        augmentation: Sequence[Any] = (),
        max_pixels: int = 50_000_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size is (height, width) in pixels. Received {size!r}.")
        if resize not in RESIZES:
            raise ValueError(f"resize is one of {', '.join(RESIZES)}. Received {resize!r}. Choose one of these.")
        self.size = (int(size[0]), int(size[1]))
        self.resize = resize
        self.max_pixels = int(max_pixels)
        self._augmentation = [_layer(layer) for layer in augmentation]

    def tensor_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((*self.size, 3), tf.uint8)

    def feature_spec(self) -> FeatureSpec:
        return FeatureSpec((*self.size, 3), self.compute_dtype)

    def read(self, value: Any, folder: Path | None = None) -> bytes:
        return read_image(value, folder)

    @tf.autograph.experimental.do_not_convert
    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = tf.convert_to_tensor(raw, tf.string)
        return image_graph.decode_pictures(raw, self.size, self.resize, self.max_pixels), tf.strings.length(raw) > 0

    def call(self, tensor: Any, training: bool | None = None) -> Any:
        pixels = ops.cast(tensor, "float32") / 255.0
        if training:
            for layer in self._augmentation:
                pixels = layer(pixels, training=True)
            pixels = ops.clip(pixels, 0.0, 1.0) if self._augmentation else pixels
        return ops.cast(pixels, self.compute_dtype)

    def compute_output_shape(self, tensor_shape: Any) -> Any:
        return tuple(tensor_shape)

    def contract(self) -> dict[str, Any]:
        return {
            **super().contract(),
            "size": list(self.size),
            "resize": self.resize,
            "max_pixels": self.max_pixels,
            "channels": "RGB",
            "range": [0, 255],
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": list(self.size),
            "resize": self.resize,
            "max_pixels": self.max_pixels,
            "augmentation": [keras.saving.serialize_keras_object(layer) for layer in self._augmentation],
        }


def _layer(layer: Any) -> keras.layers.Layer:
    """An augmentation layer from a name in `keras.layers`, a config, or an instance."""
    if isinstance(layer, keras.layers.Layer):
        return layer
    if isinstance(layer, dict) and "class_name" in layer:
        if "module" in layer:
            return keras.saving.deserialize_keras_object(layer)
        return _layer_class(layer["class_name"])(**layer.get("config", {}))
    return _layer_class(layer)()


def _layer_class(name: Any) -> type[keras.layers.Layer]:
    cls = getattr(keras.layers, name, None) if isinstance(name, str) and name.startswith("Random") else None
    if cls is None:
        known = ", ".join(sorted(name for name in dir(keras.layers) if name.startswith("Random")))
        raise ValueError(f"An augmentation is one of Keras's Random layers. Received {name!r}. Known: {known}.")
    return cls
