"""A metric against the strength of a noise, and what is said of such a curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Curve:
    """How one metric of one task falls while one field gets noisier.

    Attributes:
        task: the task.
        metric: the metric.
        field: the field that gets noisier.
        noise: which noise.
        strengths: from 0 (none) to 1, rising.
        values: the metric at each.
        lows: the lower ends of their 95 % intervals; None where there is none.
        highs: the upper ends.
        lower_is_better: whether the metric is an error.
    """

    task: str
    metric: str
    field: str
    noise: str
    strengths: tuple[float, ...]
    values: tuple[float, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    lower_is_better: bool

    @property
    def area(self) -> float:
        """The area below the curve: the metric's mean over all strengths. MultiBench's relative robustness."""
        values = np.asarray(self.values)
        return float(np.sum((values[1:] + values[:-1]) / 2 * np.diff(self.strengths)) / self.strengths[-1])

    @property
    def retained(self) -> float:
        """Which share of the clean metric is left on average; of an error, by which share it grows (1 is: not at all)."""
        above, below = (self.values[0], self.area) if self.lower_is_better else (self.area, self.values[0])
        return above / below if below else float("nan")

    def effective(self, baseline: Curve) -> float:
        """How far the curve lies above a baseline's that was shifted to begin where this one does, summed over strengths.

        Args:
            baseline: the same curve of another model, such as one of `DecisionAverageFusion`.

        Reference:
            Liang et al., MultiBench (arXiv:2107.07502), effective robustness; Taori et al., Measuring Robustness to Natural
            Distribution Shifts in Image Classification (arXiv:2007.00644).
        """
        mine, others = np.asarray(self.values), np.asarray(baseline.values)
        gained = float(np.sum(mine - (others + mine[0] - others[0])))
        return -gained if self.lower_is_better else gained

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, with `area` and `retained`."""
        return {**vars(self), "area": self.area, "retained": self.retained}


def check_strengths(strengths: Sequence[float]) -> tuple[float, ...]:
    """Strengths in rising order, with 0 in front.

    Raises:
        ValueError: if one is not above 0 and at most 1, or there is none.
    """
    try:
        found = sorted({float(strength) for strength in strengths} - {0.0})
    except (TypeError, ValueError):
        found = []
    if not found or not all(0 < strength <= 1 for strength in found):
        raise ValueError(f"Strengths are above 0 and at most 1. Received {strengths!r}. Pass for instance (0.5, 1.0).")
    return (0.0, *found)
