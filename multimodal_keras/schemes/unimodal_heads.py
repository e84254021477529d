"""Heads that see one modality only, beside those of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.schemes.seen import Looker, Seen, Term


class UnimodalHeads(keras.layers.Layer):
    """For each field a copy of every head, with weights of its own, over the pooled tokens of that field.

    Args:
        look: at the model.
        fields: which of its fields.
        **kwargs: Keras's own (`name`).
    """

    def __init__(self, look: Looker, fields: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        heads = look.found.heads
        self.fields = list(fields)
        self._tasks = {task: (head.default_loss(), head.default_loss_weight) for task, head in heads.items()}
        self._copies: dict[str, dict[str, Any]] = {field: {} for field in self.fields}
        widths = look.widths()
        for field in self.fields:
            for task, head in heads.items():
                copy = type(head).from_config({**head.get_config(), "name": f"{field}_{task}_unimodal"})
                copy(ops.zeros((1, widths[field])))
                self._copies[field][task] = copy
        self.built = True

    def loss(self, seen: Seen, field: str, *, detached: bool = False) -> Term:
        """The weighted sum of the tasks' losses from one modality alone.

        Args:
            seen: one pass.
            field: which modality.
            detached: whether the encoder learns nothing from it.
        """
        total = ops.zeros(())
        for task, answer in self._answers(seen, field, detached).items():
            loss, weight = self._tasks[task]
            counted = seen.weights[task] * seen.shown(field)
            total = total + weight * loss(seen.targets[task], answer, sample_weight=counted)
        return Term(total, ops.sum(seen.shown(field)))

    def score(self, seen: Seen, field: str) -> Any:
        """How well one modality alone does on the batch: the mean of `exp(-loss)`, the probability of the right label."""
        scores = []
        for task, answer in self._answers(seen, field, True).items():
            counted = seen.weights[task] * seen.shown(field)
            right = ops.exp(-self._tasks[task][0].call(seen.targets[task], answer))
            scores.append(ops.sum(right * counted) / ops.maximum(ops.sum(counted), 1e-12))
        return sum(scores[1:], scores[0]) / len(scores)

    def _answers(self, seen: Seen, field: str, detached: bool) -> dict[str, Any]:
        vector = seen.pooled(field)
        vector = ops.stop_gradient(vector) if detached else vector
        return {task: head(vector, training=seen.training) for task, head in self._copies[field].items()}


def unimodal_name(field: str) -> str:
    """The name of the loss of one modality alone."""
    return f"unimodal_{field}"
