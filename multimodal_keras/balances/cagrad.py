"""A step near the average gradient that helps the worst task most."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.balances.balance import Balance, count_of, only
from multimodal_keras.registry import register

_STEPS = 60


@register
class CAGradBalance(Balance):
    """Conflict-averse gradient descent: within a ball around the average gradient, the step whose worst task gains most.

    The ball's radius is `radius` times the norm of the average gradient: 0 is the plain sum of losses, towards 1 it
    comes near MGDA. One backward pass for each task, and a small convex problem over the tasks' weights (60
    exponentiated gradient steps in the graph). Use it where PCGrad helps and you want to converge to the minimum of the
    plain sum.

    Args:
        radius: of the ball, in [0, 1) (`c` in the paper).
        **kwargs: Keras's own (`name`).

    Raises:
        ValueError: for a radius out of range.

    Example:

    >>> import multimodal_keras as mk
    >>> balance = mk.CAGradBalance(radius=0.5)
    >>> balance.prepare(["score", "topic"])
    >>> [round(float(each), 3) for each in balance.weigh([1.0, 1.0], [True, True], [[1.0, 0.0], [0.0, 1.0]])]
    [1.2, 1.2]

    Reference:
        Liu et al., Conflict-Averse Gradient Descent for Multi-task Learning (arXiv:2110.14048).
    """

    needs_gradients = True
    weighs_heads = False

    def __init__(self, *, radius: float = 0.4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= radius < 1:
            raise ValueError(f"The radius of CAGradBalance is in [0, 1). Received {radius!r}. Change it.")
        self.radius = float(radius)

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        gram = ops.convert_to_tensor(gram, "float32")
        even = only(active, ops.ones(len(self.tasks)) / count_of(active))
        mean = _norm(gram, even)
        shares = self.shares(gram, even, mean)
        towards = self.radius * mean / ops.maximum(_norm(gram, shares), 1e-12)
        # Divided as in the authors' code, so that the step does not grow with the radius.
        weights = count_of(active) * (even + towards * shares) / (1 + self.radius**2)
        return only(active, weights)

    def shares(self, gram: Any, even: Any, mean: Any) -> Any:
        """The weights, summing to 1, whose gradient `g_w` minimises `g_w . g_0 + radius * |g_0| * |g_w|`."""

        def step(number: Any, shares: Any) -> Any:
            norm = ops.maximum(_norm(gram, shares), 1e-12)
            slope = _product(gram, even) + self.radius * mean * _product(gram, shares) / norm
            size = ops.maximum(ops.max(ops.abs(slope)), 1e-12)
            length = 2.0 / ops.sqrt(1.0 + ops.cast(number, "float32"))
            raised = shares * ops.exp(-length * slope / size)
            return raised / ops.maximum(ops.sum(raised), 1e-12)

        return ops.fori_loop(0, _STEPS, step, even)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "radius": self.radius}


def _product(gram: Any, weights: Any) -> Any:
    return ops.sum(gram * ops.expand_dims(weights, 0), axis=1)


def _norm(gram: Any, weights: Any) -> Any:
    """The norm of the gradients' weighted sum."""
    return ops.sqrt(ops.maximum(ops.sum(weights * _product(gram, weights)), 0.0))
