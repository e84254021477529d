"""Noises of tables, time series and vectors: cells that are missing, gaps, and numbers that are off."""

from __future__ import annotations

from typing import Any

import numpy as np

from multimodal_keras.perturbing.noises import Noise, register_noise


def _missing_cells(raw: Any, strength: float, random: np.random.Generator) -> np.ndarray:
    cells = raw.copy()
    gone = random.random(len(cells)) < strength
    if gone.all():
        gone[int(random.integers(len(cells)))] = False
    cells[gone] = b""
    return cells


def _gaps(raw: Any, strength: float, random: np.random.Generator) -> np.ndarray:
    """One stretch of steps without a value: sensors fail for a while, not at single points. The first or last step stays."""
    steps = len(raw)
    length = min(steps - 1, round(steps * strength))
    start = int(random.integers(steps - length + 1))
    series = raw.copy()
    series[start : start + length] = np.nan
    return series


def _numbers_off(raw: Any, strength: float, random: np.random.Generator) -> np.ndarray:
    spread = np.nanstd(raw, axis=0, keepdims=True) if raw.ndim > 1 and len(raw) > 1 else np.nanstd(raw)
    return (raw + random.normal(0, 1, raw.shape) * 3 * strength * spread).astype(raw.dtype)


register_noise(Noise("missing_cells", "tabular", "the share of cells that are missing", _missing_cells))
register_noise(Noise("gaps", "timeseries", "the share of steps in one gap", _gaps))
for _kind in ("timeseries", "embedding", "pointcloud"):
    register_noise(
        Noise("gaussian", _kind, "the deviation of what is added, in thirds of the value's own", _numbers_off)
    )
