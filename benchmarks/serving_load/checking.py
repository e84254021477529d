"""Whether answers are right, and numbers about them."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving_load.client import Answer

# Together with others a record is added up in another order.
TOLERANCE = 1e-4


def is_close(found: Any, wanted: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two JSON values are the same, but for their numbers' last digits."""
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and found.keys() == wanted.keys()
            and all(is_close(found[key], wanted[key], tolerance) for key in wanted)
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(map(is_close, found, wanted, [tolerance] * len(wanted)))
        )
    if isinstance(wanted, float):
        return isinstance(found, float) and math.isclose(found, wanted, rel_tol=tolerance, abs_tol=tolerance)
    return found == wanted


@dataclass(frozen=True)
class Outcome:
    """Answers by what they are worth.

    Attributes:
        right: 200, and the answer is that of one of the versions.
        versions: of each right one, which version's.
        wrong: 200, and it is not.
        refused: 503 with `Retry-After`.
        failed: all others.
        elapsed: seconds from the first request to the last answer.
    """

    right: list[Answer]
    versions: list[int]
    wrong: list[Answer]
    refused: list[Answer]
    failed: list[Answer]
    elapsed: float

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return len(self.right) / self.elapsed

    def latency(self, quantile: float) -> float:
        """Milliseconds until a right answer."""
        return 1e3 * quantile_of([answer.seconds for answer in self.right], quantile)

    @property
    def errors(self) -> int:
        """How many were not answered rightly."""
        return len(self.wrong) + len(self.refused) + len(self.failed)


def check(answers: Sequence[Answer], *wanted: Sequence[Any], tolerance: float = TOLERANCE) -> Outcome:
    """Compare each answer.

    Args:
        answers: that came.
        *wanted: for each version that may have answered: by the request's number, what `answers` holds.
        tolerance: relative and absolute, of numbers.
    """
    found = Outcome([], [], [], [], [], _elapsed(answers))
    known: dict[tuple[int, bytes], int | None] = {}
    for answer in answers:
        if answer.status == 200:
            key = (answer.number, answer.body)
            if key not in known:
                known[key] = _version(answer, wanted, tolerance)
            if (version := known[key]) is None:
                found.wrong.append(answer)
            else:
                found.right.append(answer)
                found.versions.append(version)
        else:
            (found.refused if answer.status == 503 and answer.retries else found.failed).append(answer)
    return found


def _elapsed(answers: Sequence[Answer]) -> float:
    if not answers:
        return math.nan
    return max(answer.due + answer.seconds for answer in answers) - min(answer.due for answer in answers)


def _version(answer: Answer, wanted: Sequence[Sequence[Any]], tolerance: float) -> int | None:
    try:
        found = json.loads(answer.body)["answers"]
    except (ValueError, KeyError, TypeError):
        return None
    fitting = (version for version, rows in enumerate(wanted) if is_close(found, rows[answer.number], tolerance))
    return next(fitting, None)


def quantile_of(values: Sequence[float], quantile: float) -> float:
    """The value below which that part of them is; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] if ordered else math.nan


def median(values: Sequence[float]) -> float:
    """The middle one; NaN of none."""
    return statistics.median(values) if values else math.nan


def goal(met: bool, sentence: str) -> str:
    """A line that says whether something was reached."""
    return f"{'met   ' if met else 'MISSED'}  {sentence}"
