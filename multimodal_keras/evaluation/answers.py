"""What a model answers to records, from each subset of its modalities, in one pass over the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from multimodal_keras.base import Parts, parts, presence_name
from multimodal_keras.base.graph import answers_of
from multimodal_keras.evaluation.kinds import KINDS
from multimodal_keras.evaluation.subsets import SEPARATOR, Subset
from multimodal_keras.runtime.signatures import OOD_SCORE

WORST = 12


@dataclass(frozen=True)
class Answers:
    """The answers for one task, in the order of the records.

    Attributes:
        truth: targets as the head encodes them, `(records, ...)`.
        weights: `float32 (records,)`; 0 where a record has no label.
        by_subset: the name of a subset (`"image+title"`) to predictions, `float32 (records, outputs)`.
        full: the name of the subset of all modalities.
        beside: of a calibrated model, `"set"`, `"interval"` and `"accepted"` to the same by subset.
    """

    truth: np.ndarray
    weights: np.ndarray
    by_subset: dict[str, np.ndarray]
    full: str
    beside: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

    @property
    def labelled(self) -> np.ndarray:
        """Which records have a label, `bool (records,)`."""
        return self.weights > 0

    @property
    def predicted(self) -> np.ndarray:
        """The predictions from everything that each record has, `float32 (records, outputs)`."""
        return self.by_subset[self.full]


@dataclass(frozen=True)
class Collected:
    """One pass over the data.

    Attributes:
        answers: task to `Answers`.
        present: optional field to whether each record has it, `bool (records,)`.
        worst: task to pairs of a record's number (from 0) and its inputs, highest loss first.
        records: how many records there are.
        unusual: of a calibrated model, the name of a subset to how unusual each record is, `float32 (records,)`.
    """

    answers: dict[str, Answers]
    present: dict[str, np.ndarray]
    worst: dict[str, list[tuple[int, dict[str, np.ndarray]]]]
    records: int
    unusual: dict[str, np.ndarray] = field(default_factory=dict)


def collect(model: keras.Model, batches: Iterable[Any], subsets: Sequence[Subset]) -> Collected:
    """Ask a model for its answers.

    Only the answers are kept, and the inputs of the few records with the highest loss.

    Args:
        model: made by `build_model`.
        batches: `(inputs, targets, weights)`, dicts by input name and by task.
        subsets: those with all required fields; the last one has all modalities.

    Raises:
        ValueError: if there is no record.
    """
    found = parts(model)
    ask = answers_of(model)
    rows = _Rows()
    worst = {task: _Worst(found.heads[task].kind) for task in found.heads}
    start = 0
    for inputs, targets, weights in batches:
        arrays = {name: inputs[name] for name in model.input}
        for subset in subsets:
            for task, predicted in ask(shown(arrays, subset, found)).items():
                rows.add(("predicted", task, subset.name), predicted)
        for task in found.heads:
            rows.add(("truth", task), targets[task])
            rows.add(("weights", task), weights[task])
            worst[task].see(start, arrays, *(rows.last(*key) for key in _keys(task, subsets[-1])))
        for name in found.optional:
            rows.add(("present", name), arrays[presence_name(name)])
        start += len(rows.last("weights", next(iter(found.heads))))
    if not start:
        raise ValueError("An evaluation needs at least one record. Received none. Check the filter or the file.")
    return _collected(rows, found, subsets, worst, start)


def shown(inputs: dict[str, Any], subset: Subset, found: Parts) -> dict[str, Any]:
    """The inputs with every optional field outside of a subset declared absent; absent ones stay absent."""
    left_out = {presence_name(field) for field in found.optional if field not in subset.fields}
    return {name: np.zeros(len(tensor), bool) if name in left_out else tensor for name, tensor in inputs.items()}


def _keys(task: str, subset: Subset) -> tuple[tuple[str, ...], ...]:
    return ("truth", task), ("weights", task), ("predicted", task, subset.name)


class _Rows:
    """Arrays of batches, by key, to be joined in the end."""

    def __init__(self) -> None:
        self._batches: dict[tuple[str, ...], list[np.ndarray]] = {}

    def add(self, key: tuple[str, ...], batch: Any) -> None:
        self._batches.setdefault(key, []).append(np.asarray(batch))

    def last(self, *key: str) -> np.ndarray:
        return self._batches[key][-1]

    def joined(self, *key: str) -> np.ndarray:
        return np.concatenate(self._batches[key])


class _Worst:
    """The inputs of the labelled records with the highest loss so far."""

    def __init__(self, kind: str) -> None:
        self._scores = KINDS.get(kind)
        self._kept: list[tuple[float, int, dict[str, np.ndarray]]] = []

    def see(
        self, start: int, inputs: dict[str, Any], truth: np.ndarray, weights: np.ndarray, predicted: np.ndarray
    ) -> None:
        labelled = np.flatnonzero(weights > 0)
        if self._scores is None or not len(labelled):
            return
        losses = self._scores(truth[labelled], predicted[labelled]).losses()
        for place in np.argsort(-losses, kind="stable")[:WORST].tolist():
            row = int(labelled[place])
            if len(self._kept) == WORST and losses[place] <= self._kept[-1][0]:
                break
            one = {name: np.asarray(tensor[row]) for name, tensor in inputs.items()}
            self._kept.append((float(losses[place]), start + row, one))
            self._kept = sorted(self._kept, key=lambda entry: (-entry[0], entry[1]))[:WORST]

    def rows(self) -> list[tuple[int, dict[str, np.ndarray]]]:
        return [(row, inputs) for _, row, inputs in self._kept]


def _collected(
    rows: _Rows, found: Parts, subsets: Sequence[Subset], worst: dict[str, _Worst], records: int
) -> Collected:
    full = SEPARATOR.join(found.modalities)

    def by_subset(output: str) -> dict[str, np.ndarray]:
        return {subset.name: rows.joined("predicted", output, subset.name) for subset in subsets}

    answers = {
        task: Answers(
            rows.joined("truth", task),
            rows.joined("weights", task),
            by_subset(task),
            full,
            {kind: by_subset(name) for name, (of, kind) in found.beside.items() if of == task},
        )
        for task in found.heads
    }
    present = {field: rows.joined("present", field) for field in found.optional}
    unusual = {} if found.unusual is None else {name: score[:, 0] for name, score in by_subset(OOD_SCORE).items()}
    return Collected(answers, present, {task: entry.rows() for task, entry in worst.items()}, records, unusual)
