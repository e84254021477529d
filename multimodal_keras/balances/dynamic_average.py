"""Weights from how fast each loss fell over the last epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from multimodal_keras.balances.balance import Balance, check_positive, only
from multimodal_keras.registry import register


@register
class DynamicAverageBalance(Balance):
    """Dynamic weight averaging (DWA): tasks whose loss fell least between the last two epochs count most.

    `weight = tasks * softmax(ratio / temperature)`, where `ratio` is the training loss of the last epoch divided by
    that of the one before. All weights are 1 in the first two epochs. One backward pass.

    Args:
        temperature: the larger, the more alike the weights.
        **kwargs: Keras's own (`name`).

    Raises:
        ValueError: for a temperature that is not above 0.

    Example:

    >>> import multimodal_keras as mk
    >>> balance = mk.DynamicAverageBalance(temperature=1.0)
    >>> balance.prepare(["score", "topic"])
    >>> for losses in ([4.0, 4.0], [4.0, 2.0]):
    ...     _ = balance.weigh(losses, [True, True])
    ...     balance.end_epoch()
    >>> [round(float(each), 3) for each in balance.weigh(losses, [True, True])]
    [1.245, 0.755]

    Reference:
        Liu et al., End-to-End Multi-Task Learning with Attention (arXiv:1803.10704).
    """

    def __init__(self, *, temperature: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.temperature = check_positive("temperature", temperature)

    def create(self) -> None:
        self._weights_now = self.per_task("weights", 1.0)
        self._totals = self.per_task("totals", 0.0)
        self._counts = self.per_task("counts", 0.0)
        # The mean losses of the last two epochs; 0 where there is none yet.
        self._last = self.per_task("last", 0.0)
        self._before = self.per_task("before", 0.0)

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        self._totals.assign_add(only(active, ops.stop_gradient(ops.convert_to_tensor(losses, "float32"))))
        self._counts.assign_add(ops.cast(active, "float32"))
        return only(active, ops.convert_to_tensor(self._weights_now))

    def end_epoch(self) -> None:
        """Take the mean losses of the epoch; a task that had no label in it keeps its own of the epoch before."""
        totals, counts, last = (np.asarray(each) for each in (self._totals, self._counts, self._last))
        now = np.where(counts > 0, totals / np.maximum(counts, 1), last)
        self._before.assign(last)
        self._last.assign(now)
        if np.all(last > 0):
            raised = np.exp(now / last / self.temperature)
            self._weights_now.assign(len(self.tasks) * raised / raised.sum())
        self._totals.assign(np.zeros_like(totals))
        self._counts.assign(np.zeros_like(counts))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}
