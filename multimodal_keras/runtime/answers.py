"""Turn the numbers that a model answers into what a person asked for: labels, probabilities, values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def _classification(task: Mapping[str, Any], row: np.ndarray) -> dict[str, Any]:
    best = int(np.argmax(row))
    return {
        "label": task["labels"][best],
        "probability": float(row[best]),
        "probabilities": {label: float(chance) for label, chance in zip(task["labels"], row, strict=True)},
    }


def _multilabel(task: Mapping[str, Any], row: np.ndarray) -> dict[str, Any]:
    chances = {label: float(chance) for label, chance in zip(task["labels"], row, strict=True)}
    return {"labels": [label for label, chance in chances.items() if chance >= 0.5], "probabilities": chances}


def _regression(task: Mapping[str, Any], row: np.ndarray) -> dict[str, Any]:
    unit = {"unit": task["unit"]} if task.get("unit") else {}
    return {"value": float(row[0]), **unit}


_KINDS: dict[str, Callable[[Mapping[str, Any], np.ndarray], dict[str, Any]]] = {
    "classification": _classification,
    "multilabel": _multilabel,
    "regression": _regression,
}


def answers(contract: Mapping[str, Any], outputs: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """One answer for each record.

    Args:
        contract: of the model; `tasks` says what each output means.
        outputs: task to `(batch, outputs)`.

    Returns:
        For each record a dict of task to `{"label", "probability", "probabilities"}` (classification),
        `{"labels", "probabilities"}` (multilabel, those of at least 0.5), `{"value"}` (regression, with its unit), or
        `{"values"}` for a kind that this version does not know.
    """
    count = len(next(iter(outputs.values())))
    return [
        {task: _answer(contract["tasks"][task], np.asarray(outputs[task][row])) for task in sorted(outputs)}
        for row in range(count)
    ]


def _answer(task: Mapping[str, Any], row: np.ndarray) -> dict[str, Any]:
    kind = _KINDS.get(task["kind"])
    return kind(task, row) if kind else {"values": row.tolist()}
