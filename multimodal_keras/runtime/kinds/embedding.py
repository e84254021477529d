"""Vectors that were computed elsewhere, without TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from multimodal_keras.runtime.kinds.kind import Decode, Kind
from multimodal_keras.runtime.raw import Facts
from multimodal_keras.runtime.vector import checked_vector, parse_vector, read_vector


def _width(facts: Facts) -> int:
    return int(facts["raw"]["shape"][0])


def _decoder(facts: Facts) -> Decode:
    width = _width(facts)

    def decode(value: Any) -> np.ndarray:
        vector = checked_vector(np.asarray(value, np.float32), width)
        return np.full(width, np.nan, np.float32) if vector is None else vector

    return lambda values: np.stack([decode(value) for value in values])


def _sample(facts: Facts, number: int) -> np.ndarray:
    """A wave of the length 1."""
    wave = np.sin(np.arange(_width(facts)) + number + 1.0)
    return (wave / np.linalg.norm(wave)).astype(np.float32)


EMBEDDING = Kind(
    "embedding",
    read=lambda value, folder, facts: read_vector(value, folder, _width(facts)),
    decoder=_decoder,
    sample=_sample,
    parse=lambda value, facts: parse_vector(value, _width(facts)),
)
