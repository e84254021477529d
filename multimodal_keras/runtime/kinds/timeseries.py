"""Time series without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.kinds.kind import Decode, Kind
from multimodal_keras.runtime.raw import Facts
from multimodal_keras.runtime.series import cropped, decode_series, parse_series, read_series


def _channels(facts: Facts) -> int:
    return int(facts["raw"]["shape"][1])


def _read(value: Any, folder: Path | None, facts: Facts) -> np.ndarray | None:
    series = read_series(value, folder, _channels(facts), facts["channels"])
    return None if series is None else cropped(series, facts["steps"], facts["keep"])


def _decoder(facts: Facts) -> Decode:
    steps, channels, keep = facts["steps"], _channels(facts), facts["keep"]
    return lambda values: np.stack([decode_series(value, steps, channels, keep) for value in values])


def _sample(facts: Facts, number: int) -> np.ndarray:
    """Waves around each channel's mean."""
    time = np.arange(facts["steps"])[:, None] / 8 + np.arange(_channels(facts)) + number
    return (np.asarray(facts["mean"]) + np.asarray(facts["deviation"]) * np.sin(time)).astype(np.float32)


def _parse(value: Any, facts: Facts) -> np.ndarray:
    # Cropped here already: one long series would make each other one of its batch as long.
    series = parse_series(value, _channels(facts), facts["channels"])
    return cropped(series, facts["steps"], facts["keep"]) if not np.isnan(series).all() else series


TIMESERIES = Kind(
    "timeseries",
    read=_read,
    decoder=_decoder,
    sample=_sample,
    parse=_parse,
    device_facts=frozenset({"keep"}),
    free_facts=frozenset({"mean", "deviation", "steps"}),
)
