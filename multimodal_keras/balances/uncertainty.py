"""Weights that the model learns as the noise of each task."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.balances.balance import Balance, only
from multimodal_keras.registry import register


@register
class UncertaintyBalance(Balance):
    """Learns a log variance `s` for each task and minimises `sum(exp(-s) * loss + s)`: noisy tasks count for less.

    One backward pass. At the optimum `exp(s)` is the loss itself, so every weighted loss tends to 1: a task whose loss
    falls to 0 gets an ever larger weight. Use it where losses have different units or noise.

    Args:
        **kwargs: Keras's own (`name`).

    Example:

    >>> import multimodal_keras as mk
    >>> balance = mk.UncertaintyBalance()
    >>> balance.prepare(["score", "topic"])
    >>> [round(float(each), 3) for each in balance.log_variances.assign([0.0, 0.6931472])]
    [0.0, 0.693]
    >>> [round(float(each), 3) for each in balance.weigh([2.0, 1.0], [True, True])]
    [1.0, 0.5]

    Reference:
        Kendall et al., Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics
        (arXiv:1705.07115).
    """

    def create(self) -> None:
        self.log_variances = self.per_task("log_variances", 0.0, trainable=True)

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        return only(active, ops.exp(-ops.convert_to_tensor(self.log_variances)))

    def penalty(self, active: Any) -> Any:
        return ops.sum(only(active, ops.convert_to_tensor(self.log_variances)))
