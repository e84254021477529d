"""Weights by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from multimodal_keras.balances.balance import Balance, only
from multimodal_keras.registry import register


@register
class FixedBalance(Balance):
    """Every task has its weight from the first step to the last: the baseline that every other balance has to beat.

    Args:
        weights: task to weight, on top of its head's `loss_weight`; 1 for tasks that are not named.
        **kwargs: Keras's own (`name`).

    Raises:
        ValueError: for a weight that is not above 0, or, when training starts, for a task that the model does not have.

    Example:

    >>> import multimodal_keras as mk
    >>> balance = mk.FixedBalance({"score": 0.3})
    >>> balance.prepare(["score", "topic"])
    >>> [round(float(each), 3) for each in balance.weigh([2.0, 1.0], [True, True])]
    [0.3, 1.0]

    Reference:
        Kurin et al., In Defense of the Unitary Scalarization for Deep Multi-Task Learning (arXiv:2201.04122).
    """

    def __init__(self, weights: Mapping[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fixed = {str(task): float(weight) for task, weight in (weights or {}).items()}
        if not all(weight > 0 for weight in self.fixed.values()):
            raise ValueError(
                f"A task's weight is above 0. Received {self.fixed}. Leave the head out to ignore its task."
            )

    def create(self) -> None:
        strangers = sorted(set(self.fixed) - set(self.tasks))
        if strangers:
            raise ValueError(
                f"Weights are for the model's tasks: {', '.join(self.tasks)}. Received {', '.join(strangers)}. Rename it."
            )

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        weights = ops.convert_to_tensor([self.fixed.get(task, 1.0) for task in self.tasks], "float32")
        return only(active, weights)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": dict(self.fixed)}
