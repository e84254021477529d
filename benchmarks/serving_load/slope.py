"""How fast something grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Slope:
    """Of a line through samples.

    Attributes:
        value: megabytes a minute.
        error: its standard error, as if the samples knew nothing of each other.
    """

    value: float
    error: float

    @property
    def is_above_noise(self) -> bool:
        """Whether it rises by more than twice its error."""
        return self.value > 2 * self.error

    def __str__(self) -> str:
        return f"{self.value:+.2f} +- {self.error:.2f} MB a minute"


def slope_of(samples: Sequence[tuple[float, float]]) -> Slope:
    """Least squares.

    Args:
        samples: seconds and megabytes; of fewer than three the slope is 0 with an infinite error.
    """
    count = len(samples)
    if count < 3:
        return Slope(0.0, math.inf)
    times, values = [seconds / 60 for seconds, _ in samples], [megabytes for _, megabytes in samples]
    middle, level = sum(times) / count, sum(values) / count
    spread = sum((moment - middle) ** 2 for moment in times)
    value = sum((moment - middle) * amount for moment, amount in zip(times, values, strict=True)) / spread
    rest = sum((amount - level - value * (moment - middle)) ** 2 for moment, amount in zip(times, values, strict=True))
    return Slope(value, math.sqrt(rest / (count - 2) / spread))
