"""The right answers of records, for whoever has a contract and no heads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimodal_keras.base import Head
from multimodal_keras.evaluation.kinds import KINDS
from multimodal_keras.heads import ClassificationHead, MultiLabelHead, RegressionHead

_HEADS: dict[str, Callable[[Mapping[str, Any]], Head]] = {
    "classification": lambda facts: ClassificationHead(labels=facts["labels"]),
    "multilabel": lambda facts: MultiLabelHead(labels=facts["labels"]),
    "regression": lambda facts: RegressionHead(mean=0.0, deviation=1.0),
}


@dataclass(frozen=True)
class Truth:
    """The targets of one task.

    Attributes:
        kind: of the task.
        labels: the names of its outputs.
        labelled: which records have a label, `bool (records,)`.
        targets: of these.
        metric: the first headline metric of the kind.
    """

    kind: str
    labels: tuple[str, ...]
    labelled: np.ndarray
    targets: np.ndarray
    metric: str

    @property
    def lower_is_better(self) -> bool:
        """Whether the metric is an error."""
        return self.metric in KINDS[self.kind].lower_is_better


def truths(tasks: Mapping[str, Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> dict[str, Truth]:
    """Task to its truth, for those with a label in some record and a kind whose metrics are known.

    Args:
        tasks: of a contract.
        records: with labels under the names of the tasks.

    Raises:
        ValueError: for a label that the model does not know.
    """
    found = {}
    for task, facts in sorted(tasks.items()):
        if facts["kind"] not in _HEADS:
            continue
        targets, weights = _HEADS[facts["kind"]](facts).targets([record.get(task) for record in records])
        labelled = weights > 0
        if labelled.any():
            metric = KINDS[facts["kind"]].headline[0]
            found[task] = Truth(facts["kind"], tuple(facts.get("labels") or ()), labelled, targets[labelled], metric)
    return found
