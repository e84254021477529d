"""The contract of a balance: losses, and perhaps gradients, to the weight of each task in the next step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class Balance(keras.layers.Layer):
    """Weighs the tasks of one model, step by step, while it is trained. It is no part of the model.

    A subclass has one file, `@register`, and implements `weigh`; `create` if it keeps variables. What it may know of
    gradients is their Gram matrix: the ways to reconcile the tasks' gradients that are in use answer with a combination of
    them, whose coefficients follow from their inner products alone.

    * `needs_gradients`: whether `weigh` wants the Gram matrix, which costs a backward pass for each task;
    * `weighs_heads`: whether the weights are for the heads' own parameters too, or only for those that tasks share;
    * `compares_losses`: whether `after_step` wants the losses of the same batch after the step: one more forward pass.

    The weights of equal tasks are about 1, so that what stands beside the tasks (a scheme's loss, L2) keeps its share.

    Args:
        **kwargs: Keras's own (`name`, `dtype`). A balance computes in float32 under mixed precision too.
    """

    needs_gradients = False
    weighs_heads = True
    compares_losses = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.tasks: tuple[str, ...] = ()

    def prepare(self, tasks: Sequence[str]) -> None:
        """Make the variables for these tasks, once, before the training.

        Args:
            tasks: in the order of all tensors below.

        Raises:
            ValueError: for fewer than two tasks.
        """
        if len(tasks) < 2:
            raise ValueError(
                f"{type(self).__name__} weighs tasks against each other. Received one: {', '.join(tasks)}. Leave "
                "balance out."
            )
        self.tasks = tuple(tasks)
        self.create()
        self.built = True

    def create(self) -> None:
        """Make variables, for `self.tasks`."""

    def weigh(self, losses: Any, active: Any, gram: Any = None) -> Any:
        """The weights of the next step; called once in each step, so it may also update variables.

        Args:
            losses: of the batch, each already times its head's `loss_weight`, `float32 (tasks,)`.
            active: which tasks have a label in the batch, `bool (tasks,)`. The others' losses and gradients are zeros.
            gram: inner products of the tasks' gradients with respect to the parameters that they share,
                `float32 (tasks, tasks)`, or None unless `needs_gradients`.

        Returns:
            `float32 (tasks,)`, 0 where a task is not active.
        """
        raise NotImplementedError

    def penalty(self, active: Any) -> Any:
        """What is added to the weighted sum of losses, for variables that learn with the model: a float32 scalar."""
        return ops.zeros(())

    def after_step(self, before: Any, after: Any, active: Any) -> None:
        """Learn from what the step did to the losses of its own batch, if `compares_losses`."""

    def end_epoch(self) -> None:
        """Learn from the epoch that ends."""

    @property
    def state(self) -> list[Any]:
        """All variables that training changes, for the checkpoint."""
        return list(self.variables)

    def per_task(self, name: str, value: float, trainable: bool = False) -> Any:
        """A new variable `float32 (tasks,)`."""
        return self.add_weight(
            name=name,
            shape=(len(self.tasks),),
            initializer=keras.initializers.Constant(value),
            trainable=trainable,
            dtype="float32",
        )


def only(active: Any, values: Any) -> Any:
    """The values of the active tasks, 0 elsewhere. By choosing, so that no NaN leaks."""
    return ops.where(active, values, ops.zeros_like(values))


def count_of(active: Any) -> Any:
    """How many tasks are active, at least 1, as a float32 scalar."""
    return ops.maximum(ops.sum(ops.cast(active, "float32")), 1.0)


def softmax_of(active: Any, scores: Any) -> Any:
    """A softmax among the active tasks."""
    raised = ops.exp(scores - ops.max(ops.where(active, scores, -1e9)))
    return only(active, raised) / ops.maximum(ops.sum(only(active, raised)), 1e-12)


def check_positive(name: str, value: float, *, zero: bool = False) -> float:
    """A constructor's argument as a number above 0 (or not below it)."""
    number = float(value)
    if not (number > 0 or (zero and number == 0)) or number == float("inf"):
        raise ValueError(f"{name} is {'not below' if zero else 'above'} 0. Received {value!r}. Change it.")
    return number
