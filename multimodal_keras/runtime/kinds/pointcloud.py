"""Point clouds without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.kinds.kind import Decode, Kind
from multimodal_keras.runtime.points import decode_points, parse_points, read_points, sampled
from multimodal_keras.runtime.raw import Facts


def _width(facts: Facts) -> int:
    return int(facts["raw"]["shape"][1])


def _read(value: Any, folder: Path | None, facts: Facts) -> np.ndarray | None:
    points = read_points(value, folder, _width(facts))
    return None if points is None else sampled(points, facts["points"], facts["sampling"])


def _decoder(facts: Facts) -> Decode:
    count, width, sampling = facts["points"], _width(facts), facts["sampling"]
    return lambda values: np.stack([decode_points(value, count, width, sampling) for value in values])


def _sample(facts: Facts, number: int) -> np.ndarray:
    """A spiral on a sphere, with features of 0."""
    height = np.linspace(-1, 1, facts["points"])
    angle, radius = np.arange(facts["points"]) * 2.4 + number, np.sqrt(1 - height**2)
    points = np.zeros((facts["points"], _width(facts)), np.float32)
    points[:, :3] = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    return points


def _parse(value: Any, facts: Facts) -> np.ndarray:
    # Sampled here already: one large cloud would make each other one of its batch as large.
    points = parse_points(value, _width(facts))
    return points if np.isnan(points).any() else sampled(points, facts["points"], facts["sampling"])


POINTCLOUD = Kind(
    "pointcloud",
    read=_read,
    decoder=_decoder,
    sample=_sample,
    parse=_parse,
    device_facts=frozenset({"sampling"}),
    free_facts=frozenset({"points"}),
)
