"""Weights that make every loss fall at the same rate, without the gradients of single tasks."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.balances.balance import Balance, check_positive, count_of, only, softmax_of
from multimodal_keras.registry import register

_LEAST = 1e-8


@register
class FAMOBalance(Balance):
    """Fast adaptive multitask optimization: weighs the logarithms of the losses so that the slowest one falls faster.

    The weights are `z / loss` with `z` a softmax of learned logits, scaled to sum to the number of tasks. After each
    step the losses of the same batch are taken again (one more forward pass, no further backward pass), and the logits
    of the tasks whose logarithm fell most go down. Use it for many tasks, where a backward pass for each is too dear.

    Args:
        learning_rate: of the logits, with Adam.
        decay: weight decay of the logits (gamma in the paper): the larger, the more alike the tasks.
        **kwargs: Keras's own (`name`).

    Raises:
        ValueError: for a learning rate that is not above 0, or a decay below 0.

    Example:

    >>> import multimodal_keras as mk
    >>> balance = mk.FAMOBalance()
    >>> balance.prepare(["score", "topic"])
    >>> [round(float(each), 3) for each in balance.weigh([3.0, 1.0], [True, True])]
    [0.5, 1.5]

    Reference:
        Liu et al., FAMO: Fast Adaptive Multitask Optimization (arXiv:2306.03792).
    """

    compares_losses = True

    def __init__(self, *, learning_rate: float = 0.025, decay: float = 0.01, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.learning_rate = check_positive("learning_rate", learning_rate)
        self.decay = check_positive("decay", decay, zero=True)

    def create(self) -> None:
        self.logits = self.per_task("logits", 0.0)
        self._optimizer = keras.optimizers.Adam(self.learning_rate)
        self._optimizer.build([self.logits])

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        losses = ops.stop_gradient(ops.convert_to_tensor(losses, "float32"))
        rates = softmax_of(active, ops.convert_to_tensor(self.logits)) / ops.maximum(losses, _LEAST)
        return only(active, count_of(active) * rates / ops.maximum(ops.sum(only(active, rates)), _LEAST))

    def slope(self, before: Any, after: Any, active: Any) -> Any:
        """The gradient for the logits: how much faster the logarithm of each loss fell than their mean under `z`, times `z`.

        Returns:
            `float32 (tasks,)`, 0 where a task is not active.
        """
        logs = [ops.log(ops.maximum(ops.convert_to_tensor(each, "float32"), _LEAST)) for each in (before, after)]
        fallen = only(active, logs[0] - logs[1])
        shares = softmax_of(active, ops.convert_to_tensor(self.logits))
        return shares * (fallen - ops.sum(shares * fallen))

    def after_step(self, before: Any, after: Any, active: Any) -> None:
        slope = self.slope(before, after, active) + only(active, self.decay * ops.convert_to_tensor(self.logits))
        self._optimizer.apply([slope], [self.logits])

    @property
    def state(self) -> list[Any]:
        return [*self.variables, *self._optimizer.variables]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "learning_rate": self.learning_rate, "decay": self.decay}
