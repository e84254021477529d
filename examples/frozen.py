"""Pictures through a frozen EfficientNet-Lite0, which looks at each of them once however long the training is.

What it found in a picture takes the place of the picture while the rest is trained; the weights of the rest then go into
the model that takes files. Both give the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping

import efficientnet
import keras
import numpy as np
import tensorflow as tf

import multimodal_keras as mk

BATCH = 32
# Field to its modality and encoder.
Branches = Mapping[str, tuple[mk.Modality, mk.Encoder]]


class FrozenPictures:
    """The branch of pictures, before and after the network has looked.

    Args:
        size: of the square pictures, pixels.

    Attributes:
        files: modality and encoder that take bytes of a picture.
        seen: modality and encoder that take what the network found in one.
    """

    def __init__(self, size: int) -> None:
        network = efficientnet.efficientnet_lite0(size)
        encoder = mk.PretrainedEncoder(network, scale=efficientnet.SCALE, offset=efficientnet.OFFSET)
        modality = mk.ImageModality((size, size), resize="pad", optional=True)
        same = keras.Sequential([keras.Input((efficientnet.FEATURES,)), keras.layers.Identity()])
        self.files = modality, encoder
        self.seen = mk.EmbeddingModality(efficientnet.FEATURES, optional=True), mk.PretrainedEncoder(same)
        self._look = tf.function(lambda pixels: encoder(modality(pixels))[:, 0])

    def look(self, records: mk.data.Records) -> mk.data.Records:
        """The same records, with what the network found in the place of the picture, `float32 (1280,)`."""
        rows, modality = list(records), self.files[0]
        pictures = [modality.read(row["image"], records.folder) for row in rows]
        parts = [modality.decode(pictures[start : start + BATCH])[0] for start in range(0, len(rows), BATCH)]
        found = self.features(np.concatenate(parts))
        return mk.data.Records.of([{**row, "image": each} for row, each in zip(rows, found, strict=True)])

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Of `uint8 (pictures, size, size, 3)`: `float32 (pictures, 1280)`."""
        starts = range(0, len(pixels), BATCH)
        return np.concatenate([self._look(pixels[start : start + BATCH]).numpy() for start in starts])


def put_into(whole: keras.Model, light: keras.Model) -> None:
    """Give a model that takes files the weights of one that was trained on what the network found."""
    for layer in light.layers:
        if layer.weights and layer.name != "image_encoder":
            whole.get_layer(layer.name).set_weights(layer.get_weights())
