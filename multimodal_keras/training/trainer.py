"""A model with a balance and schemes around it, for the time of its training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from multimodal_keras.balances import Balance
from multimodal_keras.schemes import Scheme, Seen
from multimodal_keras.schemes.seen import Looker
from multimodal_keras.training.gradients import added, all_finite, dense, gram_matrix, weighted_sum


class Trainer(keras.Model):
    """Trains a functional model with what is needed only for that: task weights, more heads, projections, a teacher.

    The model stays as it is, and is what is saved. `loss` in the history is the sum of the tasks' losses as the heads
    weigh it, whatever the balance, so that runs can be compared; `<task>_weight` is the mean weight that a task had,
    and each scheme adds its own losses.

    Args:
        network: made by `build_model`, compiled.
        balance: how tasks are weighed, not prepared yet; None for the heads' own weights.
        schemes: not prepared yet.
        beside: the optimizer of what the balance and the schemes learn.
    """

    def __init__(
        self,
        network: keras.Model,
        balance: Balance | None,
        schemes: Sequence[Scheme],
        beside: keras.optimizers.Optimizer,
    ) -> None:
        super().__init__(name="trainer")
        self.network, self.balance, self.schemes = network, balance, list(schemes)
        self._look = Looker(network)
        self.tasks = list(self._look.found.heads)
        self._task_losses = {
            task: (head.default_loss(), head.default_loss_weight) for task, head in self._look.found.heads.items()
        }
        self._prepare()
        self._weight_means = {f"{task}_weight": _mean(f"{task}_weight") for task in self.tasks if balance is not None}
        self._term_means = {name: _mean(f"{name}_loss") for name in self._term_names()}
        self._epoch = self.add_weight(name="epoch", shape=(), dtype="int32", initializer="zeros", trainable=False)
        self._learned = [variable for part in self._parts() for variable in part.trainable_variables]
        self._beside = beside
        beside.build(self._learned)
        heads = [variable for head in self._look.found.heads.values() for variable in head.trainable_variables]
        self._of_heads = {id(variable) for variable in heads}
        network.optimizer.build(network.trainable_variables)
        self.compile(optimizer=network.optimizer, jit_compile=network.jit_compile, auto_scale_loss=False)
        self.built = True

    def _prepare(self) -> None:
        if self.balance is not None:
            self.balance.prepare(self.tasks)
        for scheme in self.schemes:
            scheme.prepare(self._look)

    def _parts(self) -> list[Any]:
        return [*([] if self.balance is None else [self.balance]), *self.schemes]

    def _term_names(self) -> list[str]:
        names = [name for scheme in self.schemes for name in scheme.term_names()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"Each loss comes from one scheme. Received {', '.join(twice)} from two of "
                f"{', '.join(type(scheme).__name__ for scheme in self.schemes)}. Leave one of them out."
            )
        return names

    @property
    def state(self) -> list[Any]:
        """What a checkpoint needs beside the model and its optimizer."""
        balance = [] if self.balance is None else self.balance.state
        return [*balance, *(v for scheme in self.schemes for v in scheme.variables), *self._beside.variables]

    @property
    def epochs_before(self) -> int:
        """How many epochs go by before the tasks are trained."""
        return max((scheme.epochs_before for scheme in self.schemes), default=0)

    @property
    def metrics(self) -> list[Any]:
        return [*self.network.metrics, *self._weight_means.values(), *self._term_means.values()]

    def begin_epoch(self, epoch: int) -> None:
        """Tell schemes which epoch it is, counted from 0."""
        self._epoch.assign(epoch)

    def end_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Let balance and schemes learn from the epoch."""
        if self.balance is not None:
            self.balance.end_epoch()
        for scheme in self.schemes:
            scheme.end_epoch(epoch, logs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.network(inputs, training=training)

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Save the model alone, as a callback expects."""
        self.network.save(filepath, overwrite=overwrite, **kwargs)

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step, called by Keras."""
        inputs, targets, weights = data
        for scheme in self.schemes:
            inputs = scheme.change(inputs)
        per_task = self.balance is not None and self.balance.needs_gradients
        with tf.GradientTape(persistent=per_task) as tape:
            seen = self._look(inputs, targets, weights, training=True, epoch=ops.convert_to_tensor(self._epoch))
            losses, active = self._by_task(seen)
            share = 1.0
            for scheme in self.schemes:
                share = share * scheme.share_of_tasks(seen.epoch)
            beside = self._terms(seen) + sum(self.network.losses, ops.zeros(()))
            if not per_task:
                task_weights, together = self._together(losses, active)
                scaled = self._scaled(share * together + beside)
            else:
                each, scaled = [self._scaled(loss) for loss in losses], self._scaled(beside)
        variables = self.network.trainable_variables
        found = tape.gradient(scaled, [*variables, *self._learned])
        gradients, learned = found[: len(variables)], found[len(variables) :]
        if per_task:
            split = [tape.gradient(loss, variables) for loss in each]
            del tape
            task_weights, combined = self._combined(split, losses, active, share)
            gradients = [added(one, other) for one, other in zip(gradients, combined, strict=True)]
        for scheme in self.schemes:
            gradients = scheme.modulate(seen, gradients, variables)
        self._measure(seen, task_weights)  # before the step: L2 is of the weights that gave the answers
        self._apply(gradients, learned)
        self._after(seen, losses, active)
        return self._results(True)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One batch of validation, called by Keras."""
        inputs, targets, weights = data
        seen = self._look(inputs, targets, weights, epoch=ops.convert_to_tensor(self._epoch))
        self._terms(seen)
        self._measure(seen, None)
        return self._results(False)

    def _by_task(self, seen: Seen) -> tuple[Any, Any]:
        """Of each task, as its head weighs it, and whether it has a label in the batch: two `(tasks,)`."""
        losses, active = [], []
        for task, (loss, weight) in self._task_losses.items():
            counted = seen.weights[task]
            losses.append(weight * loss(seen.targets[task], seen.outputs[task], sample_weight=counted))
            active.append(ops.sum(counted) > 0)
        return losses, ops.stack(active)

    def _together(self, losses: Any, active: Any) -> tuple[Any, Any]:
        if self.balance is None:
            return None, sum(losses[1:], losses[0])
        stacked = ops.stack(losses)
        weights = self.balance.weigh(stacked, active)
        return weights, ops.sum(weights * stacked) + self.balance.penalty(active)

    def _combined(self, split: Any, losses: Any, active: Any, share: Any) -> tuple[Any, list[Any]]:
        """Weights from the gradients of each task for what they share, and the weighted sum of these gradients."""
        variables = self.network.trainable_variables
        balance: Any = self.balance
        shared = [[g for g, v in zip(one, variables, strict=True) if id(v) not in self._of_heads] for one in split]
        gram = gram_matrix(shared) / ops.square(self._scale())
        # A step that has overflowed in half precision is skipped by the optimizer: nothing is learned from it.
        finite = ops.all(ops.isfinite(gram))
        gram, usable = ops.where(finite, gram, ops.zeros_like(gram)), ops.logical_and(active, finite)
        weights = balance.weigh(ops.stack(losses), usable, gram)
        inside = weights if balance.weighs_heads else ops.cast(usable, "float32")
        combined = []
        for variable, *each in zip(variables, *split, strict=True):
            mine = inside if id(variable) in self._of_heads else weights
            combined.append(weighted_sum(each, share * mine))
        return weights, combined

    def _terms(self, seen: Seen) -> Any:
        """What the schemes add to the loss; their losses go into the history."""
        total = ops.zeros(())
        for scheme in self.schemes:
            if not (seen.training or scheme.validates):
                continue
            terms = scheme.terms(seen)
            for name, term in terms.items():
                self._term_means[name].update_state(term.loss, sample_weight=term.records)
            if terms:
                total = total + scheme.total(terms, seen.epoch)
        return total

    def _scale(self) -> Any:
        """What losses are multiplied by under mixed precision."""
        return self.optimizer.scale_loss(ops.ones(()))

    def _scaled(self, loss: Any) -> Any:
        return self.optimizer.scale_loss(loss)

    def _apply(self, gradients: Sequence[Any], learned: Sequence[Any]) -> None:
        scale = self._scale()
        self.optimizer.apply(gradients, self.network.trainable_variables)
        if not self._learned:
            return
        zipped = zip(learned, self._learned, strict=True)
        learned = [ops.zeros(v.shape, v.dtype) if g is None else dense(g) / scale for g, v in zipped]
        # As the optimizer of the model does: a step that has overflowed is none.
        finite = all_finite(learned)
        learned = [ops.where(finite, gradient, ops.zeros_like(gradient)) for gradient in learned]
        self._beside.apply(learned, self._learned)

    def _after(self, seen: Seen, losses: Any, active: Any) -> None:
        if self.balance is not None and self.balance.compares_losses:
            again = self._look(seen.inputs, seen.targets, seen.weights, training=True, epoch=seen.epoch)
            self.balance.after_step(ops.stack(losses), ops.stack(self._by_task(again)[0]), active)

    def _measure(self, seen: Seen, weights: Any) -> None:
        mine = {name: seen.inputs[name] for name in self.network.input}
        loss = self.network.compute_loss(mine, seen.targets, seen.outputs, seen.weights, training=seen.training)
        tracker = next(metric for metric in self.network.metrics if metric.name == "loss")
        tracker.update_state(loss, sample_weight=_batch_size(seen))
        self.network.compute_metrics(mine, seen.targets, seen.outputs, seen.weights)
        if weights is not None:
            for place, metric in enumerate(self._weight_means.values()):
                metric.update_state(weights[place])

    def _results(self, training: bool) -> dict[str, Any]:
        validated = [name for scheme in self.schemes if scheme.validates for name in scheme.term_names()]
        metrics = self.metrics if training else [*self.network.metrics, *(self._term_means[name] for name in validated)]
        found: dict[str, Any] = {}
        for metric in metrics:
            result = metric.result()
            found |= result if isinstance(result, dict) else {metric.name: result}
        return found


def _mean(name: str) -> keras.metrics.Mean:
    return keras.metrics.Mean(name=name)


def _batch_size(seen: Seen) -> Any:
    return ops.shape(next(iter(seen.outputs.values())))[0]
