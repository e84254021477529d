"""What is learned about the columns of a table from its records: kinds, vocabularies, means and deviations."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from multimodal_keras.runtime.cells import FALSE, SMALLEST, TRUE, parse_column
from multimodal_keras.runtime.columns import BOOLEAN, CATEGORY, DATE, FIRST_ID, NUMBER, Column

# The order in which a column's kind is looked for; what no other holds is a category.
_CANDIDATES = (BOOLEAN, NUMBER, DATE)
_WORDS = frozenset(text.encode() for text in (*TRUE, *FALSE) if text.isalpha())


class ColumnStatistics:
    """Learns about one column, batch by batch. Its memory grows with the number of different categories alone.

    Args:
        column: what is known; what is known already is kept.
    """

    def __init__(self, column: Column) -> None:
        self.column = column
        self._kinds = list(_CANDIDATES) if column.kind is None else [column.kind]
        self._counts: Counter[bytes] | None = Counter() if column.kind in (None, CATEGORY) else None
        self._moments = {kind: Moments() for kind in self._kinds if kind != CATEGORY}
        self._seen = False

    def update(self, cells: Sequence[bytes]) -> None:
        """Take in some cells.

        Raises:
            ValueError: for a cell that the column's kind does not hold.
        """
        if self.column.is_adapted:
            return
        known = [text for text in (cell.strip() for cell in cells) if text]
        self._seen = self._seen or bool(known)
        if self._counts is not None:
            self._counts.update(known)
        for kind in list(self._moments):
            try:
                if kind == BOOLEAN and self.column.kind is None and not _WORDS.issuperset(map(bytes.lower, known)):
                    raise ValueError("1 and 0 are numbers where nobody says what they are.")
                numbers = parse_column(known, dataclasses.replace(self.column, kind=kind))
            except ValueError:
                if self.column.kind is not None:
                    raise
                del self._moments[kind]
                continue
            self._moments[kind].update(years(numbers) if kind == DATE else numbers[:, 0])

    def result(self, vocabulary_size: int, least_count: int) -> Column:
        """The column with what was learned.

        Args:
            vocabulary_size: how many ids a category has at most, with those for missing and unseen ones.
            least_count: how often a text must occur to get an id.
        """
        if self.column.is_adapted:
            return self.column
        kind = self.column.kind or self._found()
        if kind == CATEGORY:
            counts = (self._counts or Counter()).items()
            frequent = sorted((-count, text) for text, count in counts if count >= least_count)
            texts = [text.decode("utf-8") for _, text in frequent[: vocabulary_size - FIRST_ID]]
            return dataclasses.replace(self.column, kind=kind, vocabulary=tuple(texts))
        mean, deviation = self._moments[kind].result()
        return dataclasses.replace(self.column, kind=kind, mean=mean, deviation=deviation)

    def _found(self) -> str:
        if not self._seen:
            return NUMBER
        return next((kind for kind in _CANDIDATES if kind in self._moments), CATEGORY)


class Moments:
    """Mean and deviation of a stream of numbers, in float64; NaN is left out. Batches are joined as by Chan et al.

    All is counted from the first number on, so that large numbers which differ little lose no digits.
    """

    def __init__(self) -> None:
        self._count, self._first, self._mean, self._squares = 0, 0.0, 0.0, 0.0
        self._least, self._most = math.inf, -math.inf

    def update(self, numbers: np.ndarray) -> None:
        """Take in `(batch,)` numbers."""
        numbers = numbers[~np.isnan(numbers)]
        if not len(numbers):
            return
        if not self._count:
            self._first = float(numbers[0])
        numbers = numbers - self._first
        count, mean = len(numbers), math.fsum(numbers) / len(numbers)
        distance, total = mean - self._mean, self._count + count
        self._squares += math.fsum((numbers - mean) ** 2) + distance**2 * self._count * count / total
        self._mean += distance * count / total
        self._count = total
        self._least, self._most = min(self._least, numbers.min()), max(self._most, numbers.max())

    def result(self) -> tuple[float, float]:
        """Mean and deviation (divided by the count); 1 where all numbers are equal, and 0 and 1 where there are none."""
        if self._most <= self._least:
            return (self._first, 1.0) if self._count else (0.0, 1.0)
        deviation = math.sqrt(self._squares / self._count)
        return self._first + float(self._mean), deviation if deviation >= SMALLEST else 1.0


def years(parts: np.ndarray) -> np.ndarray:
    """Dates on one line: years with a fraction, from `(batch, 5)` parts as `parse_date` gives them."""
    year, month, day, _, hour = parts.T
    return year + (month - 1 + (day - 1 + hour / 24) / 31) / 12
