"""Answers as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from multimodal_keras.runtime.signatures import OOD_SCORE

INTEGER, NUMBER, TEXT, TEXTS, FLAG = "integer", "number", "text", "texts", "flag"


@dataclass(frozen=True)
class Column:
    """One column of a table of answers.

    Attributes:
        name: in the header.
        kind: of its cells: `"integer"`, `"number"`, `"text"`, `"texts"`, a list of them, or `"flag"`.
        path: the keys that lead to its cell.
    """

    name: str
    kind: str
    path: tuple[str | int, ...]

    def cell(self, answer: Mapping[str, Any]) -> Any:
        """Its cell of one answer; None where the answer has none, as that of a skipped record."""
        found: Any = answer
        for key in self.path:
            if isinstance(found, Mapping):
                found = found.get(key)
            else:
                found = found[key] if isinstance(found, list) and isinstance(key, int) else None
        return found


def columns_of(contract: Mapping[str, Any], probabilities: bool) -> list[Column]:
    """The columns of a model's answers: `row`, those of each task by its name, and `error`.

    Args:
        contract: of the model.
        probabilities: whether each label has a column.

    Raises:
        ValueError: if two columns have one name, or a task is of a kind that no column can hold.
    """
    found = [Column("row", INTEGER, ("row",))]
    for task, facts in sorted(contract["tasks"].items()):
        if facts["kind"] not in _KINDS:
            raise ValueError(
                f"A task in a table is one of {', '.join(_KINDS)}. Received {task!r} of kind {facts['kind']!r}. "
                "Write .jsonl."
            )
        found += [*_KINDS[facts["kind"]](task), *_calibrated(task, facts)]
        if probabilities:
            found += [
                Column(f"{task}_probability_{label}", NUMBER, (task, "probabilities", label))
                for label in facts.get("labels") or ()
            ]
    if OOD_SCORE in contract:
        found.append(Column(OOD_SCORE, NUMBER, (OOD_SCORE, "score")))
    found.append(Column("error", TEXT, ("error",)))
    names = [column.name for column in found]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"Columns have different names. Received {', '.join(twice)} twice. Write .jsonl.")
    return found


def _calibrated(task: str, facts: Mapping[str, Any]) -> list[Column]:
    """What a calibrated model says beside a task's answer, under the names of its outputs."""
    found = []
    for kind, name in facts.get("calibration", {}).get("outputs", {}).items():
        if kind == "interval":
            found += [Column(f"{name}_{end}", NUMBER, (task, kind, place)) for place, end in enumerate(("low", "high"))]
        else:
            one_flag = kind == "accepted" and facts["kind"] == "classification"
            found.append(Column(name, FLAG if one_flag else TEXTS, (task, kind)))
    return found


def _classification(task: str) -> list[Column]:
    return [Column(task, TEXT, (task, "label")), Column(f"{task}_probability", NUMBER, (task, "probability"))]


def _multilabel(task: str) -> list[Column]:
    return [Column(task, TEXTS, (task, "labels"))]


def _regression(task: str) -> list[Column]:
    return [Column(task, NUMBER, (task, "value"))]


_KINDS: dict[str, Callable[[str], list[Column]]] = {
    "classification": _classification,
    "multilabel": _multilabel,
    "regression": _regression,
}
