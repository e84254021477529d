"""The contract of a head: the fused vector to one prediction, and what it takes to train it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


class Head(keras.layers.Layer):
    """Answers one task. It owns its loss, its metrics and the meaning of its labels, and knows no other head.

    A subclass has one file, `@register`, and implements `call`, `default_loss`, `default_metrics`, `encode` and
    `contract`; and `adapt` and `is_adapted` if its labels can be learned from records.

    Args:
        loss_weight: the weight of this task in the sum of losses.
        **kwargs: Keras's own (`name`, `dtype`). A head computes in float32 under mixed precision too.

    Call arguments:
        fused: `(batch, width)`.
        training: whether dropout is active.

    Returns:
        Probabilities or values, `float32 (batch, outputs)`.
    """

    kind = "head"
    has_energy = False

    def __init__(self, *, loss_weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if not loss_weight > 0:
            raise ValueError(f"A loss weight is above 0. Received {loss_weight!r}. Leave the task out to ignore it.")
        self.loss_weight = float(loss_weight)

    @property
    def default_loss_weight(self) -> float:
        """The weight of this task in the sum of losses."""
        return self.loss_weight

    def default_loss(self) -> keras.losses.Loss:
        """A new loss for this task; it averages over labelled records only."""
        raise NotImplementedError

    def default_metrics(self) -> list[keras.metrics.Metric]:
        """New metrics for this task, to be given to `compile` as `weighted_metrics`."""
        raise NotImplementedError

    def energy(self, fused: Any) -> Any:
        """How unfamiliar a record is to this head: the higher the more. Heads that can tell set `has_energy`.

        Args:
            fused: `(batch, width)`.

        Returns:
            `float32 (batch, 1)`.

        Reference:
            Liu et al., Energy-based Out-of-distribution Detection (arXiv:2010.03759).
        """
        raise NotImplementedError

    def metric_drop(self, before: float, after: float) -> float:
        """How much worse the first of `default_metrics` has become, in shares; negative if it has become better."""
        return before - after

    def distance(self, teacher: Any, answer: Any, temperature: float) -> Any:
        """How far an answer is from a teacher's, record by record, for distillation; least where both are equal.

        Args:
            teacher: what a head of this kind answered, `float32 (batch, outputs)`.
            answer: what this head answered, of the same shape.
            temperature: above 1 it softens probabilities; means nothing for other values.

        Returns:
            `float32 (batch,)`. By default the mean squared difference.
        """
        return ops.mean(ops.square(teacher - answer), axis=-1)

    def encode(self, value: Any) -> np.ndarray | None:
        """One label of a record to the target of `default_loss`, of shape `target_shape`.

        Args:
            value: what the reader found.

        Returns:
            The target, or None where the record has no label for this task (None, NaN or an empty string).

        Raises:
            ValueError: if the label is none that this head knows.
        """
        raise NotImplementedError

    @property
    def target_shape(self) -> tuple[int, ...]:
        """The shape of one target, without the batch."""
        raise NotImplementedError

    @property
    def target_dtype(self) -> str:
        """The dtype of a target."""
        return "float32"

    def targets(self, values: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        """The labels of a batch.

        Args:
            values: one label for each record.

        Returns:
            `(targets, weights)`: `(batch, *target_shape)` and `float32 (batch,)`, with zeros where there is no label.
        """
        targets = np.zeros((len(values), *self.target_shape), self.target_dtype)
        weights = np.zeros(len(values), "float32")
        for row, value in enumerate(values):
            target = self.encode(value)
            if target is not None:
                targets[row], weights[row] = target, 1.0
        return targets, weights

    def adapt(self, values: Iterable[Any]) -> None:
        """Learn from the labels of records what has to be known before there is a graph."""

    @property
    def is_adapted(self) -> bool:
        """Whether nothing is left to learn from records."""
        return True

    def contract(self) -> dict[str, Any]:
        """JSON-able facts for a client: `kind`, and `labels` or a unit."""
        return {"kind": self.kind}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss_weight": self.loss_weight}
