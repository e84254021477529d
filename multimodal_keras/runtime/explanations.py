"""Which modality mattered in a data set: contributions of many records, summed up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Summary = dict[str, dict[str, dict[str, float]]]


class Explanations(list[dict[str, Any]]):
    """Answers to records, with `"contributions"` and `"baseline"` for each task: a list like any other."""

    def summary(self) -> Summary:
        """Task to field to `"mean"`, the mean absolute contribution, and `"share"` of the sum over all fields.

        In units of a probability or of the value; for several labels the mean over them. Records that lack a field count
        as 0 for it; those that could not be used do not count.
        """
        return summarise(self)


def summarise(answers: Iterable[Mapping[str, Any]]) -> Summary:
    """The summary of answers as they come, in memory that does not depend on their number; see `Explanations`."""
    totals: dict[str, dict[str, float]] = {}
    counts: dict[str, int] = {}
    for task, contributions in _told(answers):
        counts[task] = counts.get(task, 0) + 1
        fields = totals.setdefault(task, dict.fromkeys(contributions, 0.0))
        for field, value in contributions.items():
            fields[field] += _size(value)
    summary: Summary = {}
    for task, fields in totals.items():
        whole = sum(fields.values()) or 1.0
        summary[task] = {
            field: {"mean": total / counts[task], "share": total / whole} for field, total in fields.items()
        }
    return summary


def summary_table(summary: Summary) -> str:
    """The summary as text: a row for each task and field, those that mattered most first."""
    lines = [f"{'task':24}{'modality':24}{'mean |contribution|':>20}{'share':>9}"]
    for task, fields in summary.items():
        for field, facts in sorted(fields.items(), key=lambda item: -item[1]["share"]):
            lines.append(f"{task:24}{field:24}{facts['mean']:20.4g}{facts['share']:9.1%}")
    return "\n".join(lines)


def _told(answers: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each task of each answer that has contributions."""
    for answer in answers:
        for task, facts in answer.items():
            if isinstance(facts, Mapping) and "contributions" in facts:
                yield task, facts["contributions"]


def _size(value: Any) -> float:
    """How much a modality moved one answer: the mean over labels or outputs where there are several."""
    if isinstance(value, Mapping):
        value = list(value.values())
    return sum(map(abs, value)) / len(value) if isinstance(value, list) else abs(value)
