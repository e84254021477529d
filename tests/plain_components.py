"""Small components for the tests: what they do can be worked out by hand, and they are fast to trace."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import multimodal_keras as mk
from multimodal_keras.base import FeatureSpec


@mk.register
class FramesModality(mk.Modality):
    """A sequence of float frames, sent as little-endian float32 bytes: the kind in which an absent field can hold NaN."""

    kind = "frames"
    default_encoder = "PlainEncoder"

    def __init__(self, steps=5, channels=3, **kwargs):
        super().__init__(**kwargs)
        self.steps, self.channels = steps, channels

    def tensor_spec(self):
        return tf.TensorSpec((self.steps, self.channels), tf.float32)

    def feature_spec(self):
        return FeatureSpec((self.steps, self.channels), "float32")

    def read(self, value, folder=None):
        return b"" if value is None else np.asarray(value, "<f4").tobytes()

    def decode(self, raw):
        numbers = tf.io.decode_raw(raw, tf.float32, fixed_length=4 * self.steps * self.channels)
        return tf.reshape(numbers, (-1, self.steps, self.channels)), tf.strings.length(raw) > 0

    def call(self, tensor, training=None):
        return tensor * 2.0

    def compute_output_shape(self, tensor_shape):
        return tuple(tensor_shape)

    def get_config(self):
        return {**super().get_config(), "steps": self.steps, "channels": self.channels}


@mk.register
class NumbersModality(FramesModality):
    """A few numbers in two steps: with a single one, attention has nothing to choose, and its weights no gradient."""

    kind = "numbers"

    def __init__(self, steps=2, channels=2, **kwargs):
        super().__init__(steps, channels, **kwargs)


@mk.register
class PlainEncoder(mk.Encoder):
    """One token a step: an embedding of ids, or a projection of whatever else there is."""

    def __init__(self, width=4, vocabulary_size=None, **kwargs):
        super().__init__(**kwargs)
        self.width, self.vocabulary_size = width, vocabulary_size

    def configure(self, features):
        self.vocabulary_size = self.vocabulary_size or features.vocabulary_size

    def build(self, features_shape, step_mask_shape=None):
        if len(features_shape) == 2:
            self._layer = keras.layers.Embedding(self.vocabulary_size, self.width, name="embedding")
        else:
            self._layer = keras.layers.Dense(self.width, name="project")
        self._layer.build((None, int(np.prod(features_shape[2:]))))
        self.built = True

    def call(self, features, step_mask=None, training=None):
        if len(features.shape) > 2:
            features = ops.reshape(features, (-1, features.shape[1], int(np.prod(features.shape[2:]))))
        tokens = self._layer(features)
        return tokens if step_mask is None else (tokens, step_mask)

    def compute_output_shape(self, features_shape, step_mask_shape=None):
        tokens = (features_shape[0], features_shape[1], self.width)
        return tokens if step_mask_shape is None else (tokens, tuple(step_mask_shape))

    def compute_output_spec(self, features, step_mask=None, training=None):
        tokens = keras.KerasTensor(self.compute_output_shape(features.shape), dtype=self.compute_dtype)
        return tokens if step_mask is None else (tokens, keras.KerasTensor(step_mask.shape, dtype="bool"))

    def get_config(self):
        return {**super().get_config(), "width": self.width, "vocabulary_size": self.vocabulary_size}


class SliceHead(mk.Head):
    """Answers with a part of the fused vector itself."""

    kind = "slice"

    def __init__(self, start=0, end=1, **kwargs):
        super().__init__(**kwargs)
        self.start, self.end = start, end

    def call(self, fused, training=None):
        return ops.cast(fused[:, self.start : self.end], "float32")

    def compute_output_shape(self, fused_shape):
        return (fused_shape[0], self.end - self.start)

    def get_config(self):
        return {**super().get_config(), "start": self.start, "end": self.end}
