"""What `attribute` found: to read, to look at, to save."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.attributing.parts import Part

INTEGRATED, GRAD_CAM, ABSENT, NONE = "integrated_gradients", "grad_cam", "absent", "none"
_PRINTED_RECORDS, _PRINTED_PARTS = 10, 6
_THIRDS = (("upper", "middle", "lower"), ("left", "centre", "right"))


@dataclass(frozen=True, eq=False)
class FieldAttribution:
    """What one field of a record did for one answer.

    Attributes:
        field: the record field.
        kind: of its modality, such as `"text"`.
        method: `"integrated_gradients"`; `"grad_cam"`, where `map` is one; `"absent"`; or `"none"`, where there is no
            gradient.
        total: the integrated gradients of the whole field, whatever the method of the map.
        parts: tokens, columns, frames, steps, points or numbers, in their order; empty for pictures. They sum to `total`.
        map: by Grad-CAM `(rows, columns)` of the encoder's cells, at least 0, in no unit; else integrated gradients
            `(height, width)` of pixels, `(frames, height, width)`, `(steps, channels)` or `(frames, bands)`, which sum to
            `total`; None for other kinds.
        why: why there is none.
    """

    field: str
    kind: str
    method: str
    total: float
    parts: tuple[Part, ...] = ()
    map: np.ndarray | None = None
    why: str = ""

    def largest(self, count: int = _PRINTED_PARTS) -> list[Part]:
        """The parts that did most, in their order."""
        order = sorted(range(len(self.parts)), key=lambda place: -abs(self.parts[place].value))[:count]
        return [self.parts[place] for place in sorted(order)]

    def to_dict(self, most: int = 4096) -> dict[str, Any]:
        """JSON-able; a map of more numbers is left out."""
        parts = [{name: value for name, value in vars(part).items() if value is not None} for part in self.parts]
        told: dict[str, Any] = {"kind": self.kind, "method": self.method, "total": self.total}
        told |= {"parts": parts} if parts else {}
        told |= {"why": self.why} if self.why else {}
        if self.map is not None:
            told["map_shape"] = list(self.map.shape)
            told |= {"map": self.map.tolist()} if self.map.size <= most else {}
        return told

    def __str__(self) -> str:
        if self.method in (ABSENT, NONE):
            return self.why or self.method
        words = [f"{part.name} {part.value:+.3f}" for part in self.largest()]
        if self.kind == "image" and self.map is not None:
            words.append(f"{in_words(self.method)}: {where(self.map)}")
        more = len(self.parts) - len(words)
        return f"{self.total:+.4f}  {', '.join(words)}{f', {more} more' if more > 0 else ''}"


@dataclass(frozen=True, eq=False)
class TaskAttribution(Mapping[str, FieldAttribution]):
    """What one answer to a record rests on; a mapping of field to `FieldAttribution`.

    Attributes:
        task: the task.
        label: the label that it is about; None where there are none.
        unit: of a value, if it has one.
        prediction: the label's probability, or the value.
        baseline: the same where all that the encoders begin with is zero.
        fields: field to what it did.
    """

    task: str
    label: str | None
    unit: str | None
    prediction: float
    baseline: float
    fields: dict[str, FieldAttribution] = field(repr=False)

    @property
    def residual(self) -> float:
        """What the totals of all fields miss of `prediction - baseline`; 0 if the integrals are exact."""
        return self.prediction - self.baseline - sum(each.total for each in self.fields.values())

    def __getitem__(self, name: str) -> FieldAttribution:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        facts = {name: getattr(self, name) for name in ("label", "unit", "prediction", "baseline", "residual")}
        fields = {name: each.to_dict() for name, each in self.fields.items()}
        return {**{name: value for name, value in facts.items() if value is not None}, "fields": fields}

    def headline(self) -> str:
        """The answer and its baseline, in words."""
        unit = f" {self.unit}" if self.unit else ""
        label = f"{self.label} " if self.label is not None else ""
        return (
            f"{self.task}: {label}{self.prediction:.4g}{unit} "
            f"(baseline {self.baseline:.4g}, residual {self.residual:+.2g})"
        )


@dataclass(frozen=True, eq=False)
class RecordAttribution(Mapping[str, TaskAttribution]):
    """What the answers to one record rest on; a mapping of task to `TaskAttribution`.

    Attributes:
        file: where the record came from; None for records in memory.
        row: its row there, from 1.
        tasks: task to what its answer rests on.
        contents: field to what was there: a text, pixels, or column to cell; None for other kinds. Without what is absent.
    """

    file: str | None
    row: int
    tasks: dict[str, TaskAttribution]
    contents: dict[str, Any] = field(repr=False)

    def __getitem__(self, task: str) -> TaskAttribution:
        return self.tasks[task]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, without the contents."""
        return {
            "file": self.file,
            "row": self.row,
            "tasks": {name: each.to_dict() for name, each in self.tasks.items()},
        }

    def name(self) -> str:
        """The record's place, in words."""
        return f"record {self.row}" + (f" of {Path(self.file).name}" if self.file else "")

    def __str__(self) -> str:
        lines = [self.name()]
        for each in self.tasks.values():
            wide = max(map(len, each))
            lines += [f"  {each.headline()}", *(f"    {name:{wide}}  {each[name]}" for name in each)]
        return "\n".join(lines)


class Attributions(list[RecordAttribution]):
    """What the answers to some records rest on: a list like any other.

    Args:
        records: one for each.
        settings: how it was asked for.

    Attributes:
        settings: likewise.
    """

    def __init__(self, records: Iterable[RecordAttribution] = (), settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(records)
        self.settings = dict(settings or {})

    def __str__(self) -> str:
        shown = [str(each) for each in self[:_PRINTED_RECORDS]]
        more = len(self) - len(shown)
        return "\n".join([*shown, *([f"{more} more records: save(folder) writes all"] if more else [])])

    def save(self, folder: str | Path) -> Path:
        """Write `attributions.json`, `maps.npz`, a PNG for each map, and `page.html`, which needs nothing else.

        Returns:
            The folder.
        """
        from multimodal_keras.attributing.saving import save  # which needs this module

        return save(self, Path(folder))


def where(table: np.ndarray) -> str:
    """Where most of a map is, by thirds: `"upper left 64 %"`."""
    sizes = np.abs(table)
    total = sizes.sum()
    if not total > 0:
        return "nothing speaks for it"
    # By the middle of each cell: two cells are the first and the last third, and one alone is the middle.
    rows, columns = ((2 * np.arange(size) + 1) * 3 // (2 * size) for size in table.shape)
    shares = np.zeros((3, 3))
    np.add.at(shares, (rows[:, None], columns[None]), sizes / total)
    row, column = np.unravel_index(shares.argmax(), shares.shape)
    return f"{_THIRDS[0][row]} {_THIRDS[1][column]} {shares[row, column]:.0%}"


def in_words(method: str) -> str:
    """A method, to read."""
    return {GRAD_CAM: "Grad-CAM", INTEGRATED: "integrated gradients"}.get(method, method)
