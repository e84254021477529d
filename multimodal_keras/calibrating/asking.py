"""What the heads answer to the calibration records, for each combination of the optional modalities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimodal_keras.base import Parts, presence_name
from multimodal_keras.base.contributions import subsets_of

Answer = Callable[[dict[str, np.ndarray]], Mapping[str, Any]]


@dataclass(frozen=True)
class Asked:
    """The answers to all records, for each presence pattern.

    Attributes:
        outputs: for each pattern output to `(records, ...)`.
        usable: for each pattern which records have all of its modalities, `bool (records,)`.
        truth: task to targets, `(records, ...)`.
        labelled: task to which records have a label, `bool (records,)`.
    """

    outputs: list[dict[str, np.ndarray]]
    usable: list[np.ndarray]
    truth: dict[str, np.ndarray]
    labelled: dict[str, np.ndarray]


def ask(answer: Answer, batches: Iterable[Any], found: Parts, by_presence: bool) -> Asked:
    """Ask for the answers of all records.

    Args:
        answer: from inputs by name to outputs by name, `(batch, ...)`.
        batches: `(inputs, targets, weights)`, as `data.batches` makes them.
        found: the components of the model.
        by_presence: whether to ask for each pattern, with the other optional modalities left out, or only for the records
            as they come: then there is one pattern.

    Raises:
        ValueError: if there is no record.
    """
    optional = sorted(found.optional) if by_presence else []
    patterns = subsets_of(len(optional))
    outputs: list[list[Mapping[str, np.ndarray]]] = [[] for _ in patterns]
    usable: list[list[np.ndarray]] = [[] for _ in patterns]
    targets: list[Any] = []
    for inputs, truth, weights in batches:
        arrays = {name: np.asarray(tensor) for name, tensor in inputs.items()}
        targets.append((truth, weights))
        for number, pattern in enumerate(patterns):
            shown, has = _only(arrays, dict(zip(optional, pattern, strict=True)))
            usable[number].append(has)
            outputs[number].append({name: np.asarray(value) for name, value in answer(shown).items()})
    if not targets:
        raise ValueError("A calibration needs records. Received none. Check the filter or the file.")
    return Asked(
        [{name: np.concatenate([part[name] for part in rows]) for name in rows[0]} for rows in outputs],
        [np.concatenate(parts) for parts in usable],
        {task: np.concatenate([np.asarray(truth[task]) for truth, _ in targets]) for task in found.heads},
        {task: np.concatenate([np.asarray(weights[task]) for _, weights in targets]) > 0 for task in found.heads},
    )


def _only(inputs: dict[str, np.ndarray], pattern: Mapping[str, bool]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The inputs with only the modalities of a pattern, and which records had all of these."""
    shown, has = dict(inputs), np.ones(len(next(iter(inputs.values()))), bool)
    for field, wanted in pattern.items():
        name = presence_name(field)
        has &= inputs[name] | (not wanted)
        shown[name] = inputs[name] & wanted
    return shown, has
