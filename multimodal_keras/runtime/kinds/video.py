"""Videos without TensorFlow."""

from __future__ import annotations

import numpy as np

from multimodal_keras.runtime.kinds.kind import Decode, Kind
from multimodal_keras.runtime.raw import Facts
from multimodal_keras.runtime.video import decode_video, read_video


def _decoder(facts: Facts) -> Decode:
    frames, size = facts["frames"], tuple(facts["size"])
    resize, max_pixels = facts["resize"], facts["max_pixels"]
    return lambda values: np.stack(
        [decode_video(list(np.ravel(value)), frames, size, resize, max_pixels) for value in values]
    )


def _sample(facts: Facts, number: int) -> np.ndarray:
    """A pattern that moves."""
    height, width = facts["size"]
    times, rows, columns, channels = np.ogrid[: facts["frames"], :height, :width, :3]
    pixels = ((5 * rows + 3 * columns + 60 * channels + 31 * number + 9 * times) % 256).astype(np.uint8)
    found = read_video(pixels, None, facts["frames"])
    return np.empty(0, object) if found is None else found


VIDEO = Kind(
    "video",
    read=lambda value, folder, facts: read_video(value, folder, facts["frames"]),
    decoder=_decoder,
    sample=_sample,
    device_facts=frozenset({"resize", "channels", "range"}),
    free_facts=frozenset({"max_pixels", "size", "frames"}),
)
