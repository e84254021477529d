"""Weights that give all tasks gradients of comparable size, larger ones where training lags behind."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.balances.balance import Balance, check_positive, count_of, only
from multimodal_keras.registry import register

_LEAST = 1e-3  # no task is ever switched off


@register
class GradNormBalance(Balance):
    """Learns weights by which each task's gradient norm comes near a target: their mean, times its relative training rate.

    The rate is the loss as a share of the first one, divided by the mean of these shares; it is raised to `alpha`. The
    norms are those over all parameters that the tasks share (the paper takes the last shared layer). One backward pass
    for each task. Use it where one task's gradients drown the others'.

    Args:
        alpha: how strongly tasks that lag behind are helped; 0 for equal norms.
        learning_rate: of the weights, with Adam.
        **kwargs: Keras's own (`name`).

    Raises:
        ValueError: for an alpha below 0, or a learning rate that is not above 0.

    Example:

    >>> import multimodal_keras as mk
    >>> balance = mk.GradNormBalance(alpha=1.0)
    >>> balance.prepare(["score", "topic"])
    >>> gram = [[9.0, 0.0], [0.0, 1.0]]  # norms 3 and 1
    >>> balance.weigh([4.0, 2.0], [True, True], gram).numpy().tolist()
    [1.0, 1.0]
    >>> [round(float(each), 3) for each in balance.weigh([4.0, 2.0], [True, True], gram)]
    [0.975, 1.025]

    Reference:
        Chen et al., GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks
        (arXiv:1711.02257).
    """

    needs_gradients = True

    def __init__(self, *, alpha: float = 1.5, learning_rate: float = 0.025, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = check_positive("alpha", alpha, zero=True)
        self.learning_rate = check_positive("learning_rate", learning_rate)

    def create(self) -> None:
        self.task_weights = self.per_task("task_weights", 1.0)
        self.first_losses = self.per_task("first_losses", 0.0)  # 0 until a task's first batch with a label
        self._optimizer = keras.optimizers.Adam(self.learning_rate)
        self._optimizer.build([self.task_weights])

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        losses = ops.stop_gradient(ops.convert_to_tensor(losses, "float32"))
        first = ops.convert_to_tensor(self.first_losses)
        self.first_losses.assign(ops.where(ops.logical_and(active, first <= 0), losses, first))
        now = ops.copy(ops.convert_to_tensor(self.task_weights))
        norms = ops.sqrt(ops.maximum(ops.diagonal(ops.convert_to_tensor(gram, "float32")), 0.0))
        slope = ops.sign(now * norms - self.targets(losses, norms, active)) * norms
        self._optimizer.apply([only(active, slope)], [self.task_weights])
        moved = ops.maximum(ops.convert_to_tensor(self.task_weights), _LEAST)
        self.task_weights.assign(len(self.tasks) * moved / ops.sum(moved))
        return only(active, now)

    def targets(self, losses: Any, norms: Any, active: Any) -> Any:
        """The weighted gradient norms that the weights should give: `float32 (tasks,)`, 0 where a task is not active."""
        weighted = ops.convert_to_tensor(self.task_weights) * norms
        mean = ops.sum(only(active, weighted)) / count_of(active)
        shares = only(active, losses / ops.maximum(ops.convert_to_tensor(self.first_losses), 1e-12))
        rates = shares * count_of(active) / ops.maximum(ops.sum(shares), 1e-12)
        return only(active, mean * ops.power(rates, self.alpha))

    @property
    def state(self) -> list[Any]:
        return [*self.variables, *self._optimizer.variables]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "learning_rate": self.learning_rate}
