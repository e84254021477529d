"""Pictures without TensorFlow."""

from __future__ import annotations

import numpy as np

from multimodal_keras.runtime.image import decode_picture
from multimodal_keras.runtime.kinds.kind import Decode, Kind
from multimodal_keras.runtime.raw import Facts
from multimodal_keras.runtime.reading import read_image


def _decoder(facts: Facts) -> Decode:
    size, resize, max_pixels = tuple(facts["size"]), facts["resize"], facts["max_pixels"]
    return lambda values: np.stack([decode_picture(value, size, resize, max_pixels) for value in values])


def _sample(facts: Facts, number: int) -> bytes:
    """A pattern of pixels."""
    height, width = facts["size"]
    rows, columns, channels = np.ogrid[:height, :width, :3]
    return read_image(((5 * rows + 3 * columns + 60 * channels + 31 * number) % 256).astype(np.uint8))


IMAGE = Kind(
    "image",
    read=lambda value, folder, facts: read_image(value, folder),
    decoder=_decoder,
    sample=_sample,
    device_facts=frozenset({"resize", "channels", "range"}),
    free_facts=frozenset({"max_pixels", "size"}),
)
