"""The device half of a table: its numbers, normalised, with what is missing marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from multimodal_keras.runtime.columns import CATEGORY, DATE, Column, in_tensor

# The first and the number of the values that each part of a date goes round.
_CYCLES = {"month": (1, 12), "day": (1, 31), "weekday": (0, 7), "hour": (0, 24)}
_PARTS = 1 + len(_CYCLES)
DATE_FEATURES = 2 + 2 * len(_CYCLES)


class TableFeatures:
    """From the tensor of a table to its features, by slices alone: a gather would be quantized on the device.

    Args:
        columns: what the table is made of, adapted.
        clip: the most deviations of a normalised number, or None.

    Call arguments:
        tensor: `float32 (batch, numbers)`.

    Returns:
        `float32 (batch, features)`.
    """

    def __init__(self, columns: Sequence[Column], clip: float | None) -> None:
        columns = in_tensor(columns)
        self._clip = clip
        self._dates = [column for column in columns if column.kind == DATE]
        self._ids = [column for column in columns if column.kind == CATEGORY]
        self._numbers = [column for column in columns if column.kind not in (DATE, CATEGORY)]

    def __call__(self, tensor: Any) -> Any:
        ends = np.cumsum([len(self._numbers), _PARTS * len(self._dates), len(self._ids)]).tolist()
        blocks = []
        if self._numbers:
            blocks.append(self._number_features(tensor[:, : ends[0]]))
        if self._dates:
            blocks.append(self._date_features(tensor[:, ends[0] : ends[1]]))
        if self._ids:
            blocks.append(self._id_features(tensor[:, ends[1] : ends[2]]))
        return ops.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]

    def _number_features(self, numbers: Any) -> Any:
        means, deviations = _float32([column.mean for column in self._numbers]), _deviations(self._numbers)
        missing = ops.not_equal(numbers, numbers)
        values = (ops.where(missing, means, numbers) - means) / deviations
        pairs = ops.stack([self._clipped(values), ops.cast(missing, "float32")], axis=2)
        return ops.reshape(pairs, (-1, 2 * len(self._numbers)))

    def _date_features(self, parts: Any) -> Any:
        count = len(self._dates)
        parts = ops.reshape(parts, (-1, count, _PARTS))
        missing = ops.not_equal(parts, parts)
        # Whole years first, so that float32 has its digits left for days.
        whole = np.array([[math.floor(column.mean or 0)] for column in self._dates])
        rest = _float32([[(column.mean or 0) % 1] for column in self._dates])
        start = np.broadcast_to([0, *(first for first, _ in _CYCLES.values())], (count, _PARTS)) + whole * _FIRST
        parts = ops.where(missing, 0.0, parts - _float32(start))
        year, month, day, hour = (parts[:, :, part : part + 1] for part in (0, 1, 2, 4))
        years = year + (month + (day + hour / 24.0) / 31.0) / 12.0
        values = self._clipped((years - rest) / ops.reshape(_deviations(self._dates), (count, 1)))
        angles = parts[:, :, 1:] * _float32([2 * math.pi / size for _, size in _CYCLES.values()])
        absent = ops.cast(missing[:, :, :1], "float32")
        shown = 1.0 - absent
        features = [values * shown, ops.sin(angles) * shown, ops.cos(angles) * shown, absent]
        return ops.reshape(ops.concatenate(features, axis=2), (-1, DATE_FEATURES * count))

    def _id_features(self, ids: Any) -> Any:
        """Whole numbers that are ids, whatever came."""
        ids = ops.where(ops.not_equal(ids, ids), 0.0, ids)
        last = _float32([(column.cardinality or 1) - 1 for column in self._ids])
        return ops.minimum(ops.maximum(ids, 0.0), last)

    def _clipped(self, values: Any) -> Any:
        return values if self._clip is None else ops.minimum(ops.maximum(values, -self._clip), self._clip)


_FIRST = np.array([1] + [0] * len(_CYCLES))


def _float32(numbers: Any) -> np.ndarray:
    return np.asarray(numbers, "float32")


def _deviations(columns: Sequence[Column]) -> np.ndarray:
    return _float32([column.deviation for column in columns])
