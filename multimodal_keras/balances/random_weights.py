"""Weights drawn anew in each step."""

from __future__ import annotations

from typing import Any

import keras

from multimodal_keras.balances.balance import Balance, count_of, softmax_of
from multimodal_keras.registry import register


@register
class RandomBalance(Balance):
    """Random loss weighting: a softmax of standard normal numbers, drawn in each step; on average all weights are 1.

    One backward pass. A baseline that is hard to beat: use it to see whether another balance is worth its cost.

    Args:
        seed: of the draws; None for Keras's own.
        **kwargs: Keras's own (`name`).

    Example:

    >>> import multimodal_keras as mk
    >>> balance = mk.RandomBalance(seed=1)
    >>> balance.prepare(["score", "topic"])
    >>> round(float(sum(balance.weigh([2.0, 1.0], [True, True]))), 3)
    2.0

    Reference:
        Lin et al., Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task Learning
        (arXiv:2111.10603).
    """

    def __init__(self, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        scores = keras.random.normal((len(self.tasks),), seed=self._draws)
        return count_of(active) * softmax_of(active, scores)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
