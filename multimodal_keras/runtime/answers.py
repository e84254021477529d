"""Turn the numbers that a model answers into what a person asked for: labels, probabilities, values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from multimodal_keras.runtime.signatures import OOD_SCORE, baseline_name, contributions_name


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
        outputs: task to `(batch, outputs)`, and from the signature `explain` contributions and baselines too.

    Returns:
        For each record a dict of task to `{"label", "probability", "probabilities"}` (classification),
        `{"labels", "probabilities"}` (multilabel, those of at least 0.5), `{"value"}` (regression, with its unit), or
        `{"values"}` for a kind that this version does not know. With contributions, also `"baseline"`, what is answered
        with nothing present, and `"contributions"`, field to what it added: of the label's probability
        (classification), of the value (regression), or for each label (multilabel: field to label to number). Of a
        calibrated model, also `"set"`, the labels of the conformal set, or `"interval"`, its two ends; `"accepted"`,
        whether the answer is (classification), or the labels that are (multilabel); and beside the tasks `"ood_score"`,
        `{"score", "unusual"}`.
    """
    tasks, count = contract["tasks"], len(next(iter(outputs.values())))
    rows = [
        {task: _answer(tasks[task], np.asarray(outputs[task][row])) for task in sorted(tasks) if task in outputs}
        for row in range(count)
    ]
    for task, facts in tasks.items():
        for kind, name in facts.get("calibration", {}).get("outputs", {}).items():
            for row, answer in enumerate(rows):
                if name in outputs:
                    answer[task][kind] = _beside(facts, np.asarray(outputs[name][row]))
    if OOD_SCORE in contract and OOD_SCORE in outputs:
        for row, answer in enumerate(rows):
            score = float(np.ravel(outputs[OOD_SCORE][row])[0])
            answer[OOD_SCORE] = {"score": score, "unusual": score > 0}
    for task in (task for task in tasks if contributions_name(task) in outputs):
        given, baselines = outputs[contributions_name(task)], outputs[baseline_name(task)]
        for row, answer in enumerate(rows):
            told = _teller(tasks[task], outputs[task][row])
            by_field = zip(sorted(contract["modalities"]), given[row], strict=True)
            answer[task]["baseline"] = told(baselines[row])
            answer[task]["contributions"] = {field: told(values) for field, values in by_field}
    return rows


def _answer(task: Mapping[str, Any], row: np.ndarray) -> dict[str, Any]:
    kind = _KINDS.get(task["kind"])
    return kind(task, row) if kind else {"values": row.tolist()}


def _beside(task: Mapping[str, Any], values: np.ndarray) -> Any:
    """A mask over labels as their names, a single flag as it is, an interval as its ends."""
    if values.dtype != bool:
        return values.astype(float).tolist()
    if values.ndim:
        return [label for label, inside in zip(task["labels"], values, strict=True) if inside]
    return bool(values)


def _teller(task: Mapping[str, Any], row: np.ndarray) -> Callable[[np.ndarray], Any]:
    """What to say of numbers that stand beside an answer's own, `(outputs,)`."""
    if task["kind"] == "multilabel":
        return lambda values: {label: float(value) for label, value in zip(task["labels"], values, strict=True)}
    if task["kind"] not in _KINDS:
        return lambda values: values.tolist()
    place = int(np.argmax(row)) if task["kind"] == "classification" else 0
    return lambda values: float(values[place])
