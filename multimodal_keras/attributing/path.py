"""The straight lines along which gradients are integrated, cut where a gradient tells too little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

TINY = 1e-30


class Path:
    """The segments of each record's line, their ends, and what is answered there.

    Args:
        count: the records.
        ask: from shares `(batch,)` to values `(batch, tasks)`.
        edges: where the segments end at first, from 0 to 1.
    """

    def __init__(self, count: int, ask: Callable[[np.ndarray], np.ndarray], edges: np.ndarray) -> None:
        self._ends = np.broadcast_to(np.stack([edges[:-1], edges[1:]])[:, :, None], (2, len(edges) - 1, count)).copy()
        values = np.stack([ask(np.full(count, edge)) for edge in edges])
        self._values = np.stack([values[:-1], values[1:]])
        self._whole = values[0], values[-1]
        self._slopes, self._inner = values[:-1] * 0, values[:-1]

    @property
    def segments(self) -> int:
        """How many there are for each record."""
        return self._ends.shape[1]

    def middles(self, place: Any) -> np.ndarray:
        """`(batch,)` of one segment, or of another one for each record."""
        return self._at(self._ends.mean(axis=0), place)

    def widths(self, place: int) -> np.ndarray:
        """`(batch,)`, the lengths of one segment as shares of the line."""
        return self._ends[1, place] - self._ends[0, place]

    def begin(self, slopes: np.ndarray, values: np.ndarray) -> None:
        """Slopes and values at the middles of all segments, `(segments, batch, tasks)`."""
        self._slopes, self._inner = slopes, values

    def _errors(self) -> np.ndarray:
        """`(segments, batch, tasks)`, in shares of all ups and downs of a line."""
        change = self._values[1] - self._values[0]
        missed = np.abs((self._ends[1] - self._ends[0])[:, :, None] * self._slopes - change)
        return missed / np.maximum(np.abs(change).sum(axis=0), TINY)

    def missed(self) -> float:
        """What all segments of the worst record miss together."""
        return float(self._errors().sum(axis=0).max(initial=0.0))

    def cut(self) -> np.ndarray:
        """Cut the worst segment of each record in two: the first half takes its place, the second is the last one."""
        worst = self._errors().max(axis=2).argmax(axis=0)
        rows = np.arange(len(worst))
        middle, inner = self._ends.mean(axis=0)[worst, rows], self._inner[worst, rows]
        second = np.stack([middle, self._ends[1, worst, rows]])
        after = np.stack([inner, self._values[1, worst, rows]])
        self._ends[1, worst, rows], self._values[1, worst, rows] = middle, inner
        self._ends = np.concatenate([self._ends, second[:, None]], axis=1)
        self._values = np.concatenate([self._values, after[:, None]], axis=1)
        return worst

    def fill(self, worst: np.ndarray, first: tuple[Any, Any], second: tuple[Any, Any]) -> None:
        """Slopes and values at the middles of both halves."""
        rows = np.arange(len(worst))
        self._slopes[worst, rows], self._inner[worst, rows] = first
        self._slopes = np.concatenate([self._slopes, second[0][None]])
        self._inner = np.concatenate([self._inner, second[1][None]])

    def ends(self, tasks: list[str]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Predictions and baselines by task."""
        first, last = ({task: values[:, place] for place, task in enumerate(tasks)} for values in self._whole)
        return last, first

    @staticmethod
    def _at(table: np.ndarray, place: Any) -> np.ndarray:
        return table[place] if np.ndim(place) == 0 else table[place, np.arange(len(place))]
