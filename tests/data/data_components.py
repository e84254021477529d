"""Small components for the tests of the pipeline: what they do can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from multimodal_keras.base import FeatureSpec, Head, Modality, Parts


class CountModality(Modality):
    """A text to the number of its bytes."""

    def tensor_spec(self):
        return tf.TensorSpec((1,), tf.int32)

    def feature_spec(self):
        return FeatureSpec((1,), "int32")

    def read(self, value, folder=None):
        return (value or "").encode()

    def decode(self, raw):
        return tf.strings.length(raw)[:, None], tf.strings.length(raw) > 0

    def call(self, tensor, training=None):
        return tensor


class PixelModality(Modality):
    """A picture's file to `size` x `size` pixels."""

    file_suffixes = (".png",)

    def __init__(self, size=8, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def tensor_spec(self):
        return tf.TensorSpec((self.size, self.size, 3), tf.uint8)

    def read(self, value, folder=None):
        if value is None:
            return b""
        path = Path(folder or ".", value)
        if not path.exists():
            raise ValueError(f"A picture is a file. Received {value!r}. Correct the path.")
        return path.read_bytes()

    def decode(self, raw):
        present = tf.strings.length(raw) > 0
        spec = self.tensor_spec()

        def one(value):
            if tf.strings.length(value) == 0:
                return tf.zeros(spec.shape, spec.dtype)
            return tf.ensure_shape(tf.io.decode_png(value, channels=3), spec.shape)

        return tf.map_fn(one, raw, fn_output_signature=spec), present

    def call(self, tensor, training=None):
        return tensor

    def get_config(self):
        return {**super().get_config(), "size": self.size}


class NumberModality(Modality):
    """A number; NaN where it is missing."""

    def raw_spec(self):
        return tf.TensorSpec((1,), tf.float32)

    def tensor_spec(self):
        return tf.TensorSpec((1,), tf.float32)

    def read(self, value, folder=None):
        return b"" if value is None else np.array([float(value)], "float32")

    def decode(self, raw):
        missing = tf.math.is_nan(raw)
        return tf.where(missing, tf.zeros_like(raw), raw), ~missing[:, 0]


class LabelHead(Head):
    """One of some labels."""

    def __init__(self, labels=("a", "b"), **kwargs):
        super().__init__(**kwargs)
        self.labels = tuple(labels)

    @property
    def target_shape(self):
        return ()

    @property
    def target_dtype(self):
        return "int32"

    def encode(self, value):
        if value is None:
            return None
        if value not in self.labels:
            raise ValueError(f"A label is known. Received {value!r}. Known: {', '.join(self.labels)}.")
        return np.asarray(self.labels.index(value), "int32")

    def get_config(self):
        return {**super().get_config(), "labels": list(self.labels)}


def some_parts(modalities, heads=None):
    return Parts(modalities, {}, None, heads or {})


def write_pictures(folder, count, size=8):
    """PNG files `0.png` ...; the red of number n is n."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.zeros((size, size, 3), "uint8")
        pixels[..., 0] = number % 256
        (folder / f"{number}.png").write_bytes(tf.io.encode_png(pixels).numpy())
