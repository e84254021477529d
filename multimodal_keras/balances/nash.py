"""A step on which the tasks would agree in a bargain."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.balances.balance import Balance, count_of, only
from multimodal_keras.registry import register

_STEPS = 20
_RIDGE = 1e-4  # of gradients that cancel out, no bargain has an end


@register
class NashBalance(Balance):
    """Nash-MTL: the tasks' Nash bargaining solution, in which each gains in proportion to what it gives; blind to scales.

    The weights `a` are positive and solve `G a = size / a`, with `G` the Gram matrix and `size` the mean of its
    diagonal (dividing by it, as the authors do, keeps the size of the step). That is the minimum of the convex `a G a /
    2 - size * sum(log a)`, found by 20 damped Newton steps in the graph. A loss that is multiplied by 10 changes
    nothing in the direction of the step. One backward pass for each task. Use it where losses have scales of their own.

    Args:
        **kwargs: Keras's own (`name`).

    Example:

    >>> import multimodal_keras as mk
    >>> balance = mk.NashBalance()
    >>> balance.prepare(["score", "topic"])
    >>> gram = [[4.0, 0.0], [0.0, 1.0]]  # norms 2 and 1
    >>> [round(float(each), 2) for each in balance.weigh([1.0, 1.0], [True, True], gram)]
    [0.79, 1.58]

    Reference:
        Navon et al., Multi-Task Learning as a Bargaining Game (arXiv:2202.01017).
    """

    needs_gradients = True

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        gram = ops.convert_to_tensor(gram, "float32")
        # What is not there is alone in the bargain, so that it changes nothing for the others.
        both = ops.logical_and(ops.expand_dims(active, 0), ops.expand_dims(active, 1))
        size = ops.maximum(ops.sum(only(active, ops.diagonal(gram))) / count_of(active), 1e-20)
        gram = ops.where(both, gram / size, 0.0)
        scales = ops.sqrt(ops.where(active, ops.maximum(ops.diagonal(gram), 1e-8), 1.0))
        # The bargain of unit gradients, and the scales put back: `scales * a` solves the same for their cosines.
        cosines = gram / scales / ops.expand_dims(scales, 1)
        cosines = ops.where(ops.eye(len(self.tasks)) > 0, 1.0 + _RIDGE, cosines)
        return only(active, bargain(cosines) / scales)


def bargain(gram: Any) -> Any:
    """The positive `a` with `gram a = 1 / a`, `float32 (tasks,)`."""

    def step(_: Any, solution: Any) -> Any:
        slope = ops.sum(gram * solution, axis=1) - 1 / solution
        curvature = gram + ops.diag(1 / ops.square(solution))
        newton = ops.solve(curvature, ops.expand_dims(slope, 1))[:, 0]
        # Self-concordant: this length keeps every part positive, and is Newton's own near the end.
        decrement = ops.sqrt(ops.maximum(ops.sum(slope * newton), 0.0))
        return solution - newton / (1 + decrement)

    return ops.fori_loop(0, _STEPS, step, ops.ones(gram.shape[0]))
