"""Gradients without what they have against each other."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.balances.balance import Balance
from multimodal_keras.registry import register


@register
class PCGradBalance(Balance):
    """Gradient surgery: where two tasks' gradients point against each other, each is projected onto the other's normal.

    The others come in a random order, drawn anew for each task and step; what is left is summed. Tasks that do not
    conflict are simply added. One backward pass for each task. Use it where learning one task unlearns another.

    Args:
        seed: of the orders; None for Keras's own.
        **kwargs: Keras's own (`name`).

    Example:

    >>> import multimodal_keras as mk
    >>> balance = mk.PCGradBalance(seed=1)
    >>> balance.prepare(["score", "topic"])
    >>> gram = [[1.0, -1.0], [-1.0, 2.0]]  # of (1, 0) and (-1, 1): the projections are (0.5, 0.5) and (0, 1)
    >>> balance.weigh([1.0, 1.0], [True, True], gram).numpy().tolist()  # 2 * (1, 0) + 1.5 * (-1, 1) = (0.5, 1.5)
    [2.0, 1.5]

    Reference:
        Yu et al., Gradient Surgery for Multi-Task Learning (arXiv:2001.06782).
    """

    needs_gradients = True
    weighs_heads = False

    def __init__(self, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        count = len(self.tasks)
        gram = ops.convert_to_tensor(gram, "float32")
        shown = ops.cast(active, "float32")
        orders = ops.argsort(keras.random.uniform((count, count), seed=self._draws), axis=1)
        # Row by row one projected gradient, as a combination of the original ones.
        mixed = ops.eye(count)
        for place in range(count):
            others = orders[:, place]
            inner = ops.sum(mixed * ops.take(gram, others, axis=0), axis=1)
            square = ops.take(ops.diagonal(gram), others)
            away = inner / ops.where(square > 0, square, 1.0)
            # A task's own turn comes too: it has nothing against itself.
            conflict = ops.logical_and(inner < 0, square > 0)
            mixed = mixed - ops.one_hot(others, count) * ops.expand_dims(ops.where(conflict, away, 0.0), 1)
        return ops.sum(mixed * ops.expand_dims(shown, 1), axis=0) * shown

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
