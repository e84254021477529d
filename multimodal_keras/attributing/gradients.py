"""Integrated gradients and Grad-CAM of a batch of records, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from multimodal_keras.attributing.fading import FadingModel, Gate
from multimodal_keras.attributing.path import TINY, Path

# Layers that normalise undo the length of what they get: what happens, happens right behind the baseline.
_EDGES = np.union1d(np.linspace(0.0, 1.0, 13), (1e-4, 1e-3, 1e-2))
_GOOD_ENOUGH = 1e-3

Places = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Integrated:
    """Integrated gradients of a batch.

    Attributes:
        attributions: task to gate to `float64 (batch, *gate.shape)`.
        predictions: task to what was answered, `float64 (batch,)`.
        baselines: task to what is answered with all gates at 0.
    """

    attributions: dict[str, dict[Gate, np.ndarray]]
    predictions: dict[str, np.ndarray]
    baselines: dict[str, np.ndarray]


class Gradients:
    """The gradients of one model, traced once.

    Args:
        fading: the model.
    """

    def __init__(self, fading: FadingModel) -> None:
        self._fading = fading
        self._tasks = list(fading.found.heads)
        self._kinds = {task: head.contract()["kind"] for task, head in fading.found.heads.items()}
        at = {task: tf.TensorSpec((None,), tf.int32) for task in self._tasks}
        maps, path = [fading.inputs, at], [fading.inputs, at, tf.TensorSpec((None,), tf.float32)]
        self._call = tf.function(self._with_gradients, autograph=False, input_signature=path)
        self._maps = tf.function(self._grad_cam, autograph=False, input_signature=maps)

    def integrated(self, inputs: Mapping[str, Any], places: Places, steps: int) -> Integrated:
        """Integrated gradients along the straight line from the baseline, where all gates are 0, to the records.

        The line of each record is cut into segments, and the gradient is taken at the middle of each. As what is answered at
        the ends of a segment is known, so is what its gradient missed; the segment that missed most is cut in two, until
        nearly nothing is missed or the steps are used up.

        Args:
            inputs: of the model, for a batch.
            places: task to the output that is explained, `int (batch,)`.
            steps: how many gradients are taken at most.
        """
        count = len(next(iter(places.values())))
        at = {task: tf.constant(places[task], tf.int32) for task in self._tasks}

        def slopes_at(share: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[Any, np.ndarray]]:
            values, gradients = self._gradients_at(inputs, at, share)
            return self._slopes(count, gradients), values, gradients

        edges = _EDGES if steps >= len(_EDGES) else np.linspace(0.0, 1.0, steps + 1)
        path = Path(count, lambda share: self._values_at(inputs, places, share), edges)
        found = [slopes_at(path.middles(row)) for row in range(path.segments)]
        path.begin(np.stack([slopes for slopes, _, _ in found]), np.stack([values for _, values, _ in found]))
        kept = [gradients for _, _, gradients in found]
        for _ in range((steps - path.segments) // 2):
            if path.missed() <= _GOOD_ENOUGH:
                break
            worst = path.cut()
            halves = [slopes_at(path.middles(place)) for place in (worst, -1)]
            path.fill(worst, *(half[:2] for half in halves))
            _put(kept, worst, halves[0][2])
            kept.append(halves[1][2])
        return Integrated(self._summed(kept, path), *path.ends(self._tasks))

    def _values_at(self, inputs: Mapping[str, Any], places: Places, share: np.ndarray) -> np.ndarray:
        """`float64 (batch, tasks)`."""
        outputs = self._fading.outputs(dict(inputs), tf.constant(share, tf.float32))
        rows = np.arange(len(share))
        picked = [outputs[task].numpy()[rows, places[task]] for task in self._tasks]
        return np.stack(picked, axis=1).astype("float64")

    def _gradients_at(
        self, inputs: Mapping[str, Any], at: Any, share: np.ndarray
    ) -> tuple[np.ndarray, dict[Any, np.ndarray]]:
        """The same values, and gradients by task and gate."""
        values, gradients = self._call(dict(inputs), at, tf.constant(share, tf.float32))
        arrays = {
            (task, gate): gradient.numpy()
            for task, each in gradients.items()
            for gate, gradient in zip(self._fading.gates, each, strict=True)
        }
        return np.stack([values[task].numpy() for task in self._tasks], axis=1).astype("float64"), arrays

    def _slopes(self, count: int, gradients: Mapping[Any, np.ndarray]) -> np.ndarray:
        """`(batch, tasks)`: the sums over all gates."""
        sums = np.zeros((count, len(self._tasks)))
        for (task, _), gradient in gradients.items():
            sums[:, self._tasks.index(task)] += gradient.reshape(count, -1).sum(axis=1, dtype="float64")
        return sums

    def _summed(self, kept: list[dict[Any, np.ndarray]], path: Path) -> dict[str, dict[Gate, np.ndarray]]:
        sums: dict[str, dict[Gate, np.ndarray]] = {task: {} for task in self._tasks}
        for task, gate in kept[0]:
            sums[task][gate] = sum(
                each[task, gate].astype("float64") * _spread(path.widths(row), gate) for row, each in enumerate(kept)
            )
        return sums

    def _with_gradients(self, inputs: Any, at: Any, share: Any) -> tuple[Any, Any]:
        gates = self._fading.opened(share)
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(list(gates.values()))
            values = _picked(self._fading(inputs, gates), at)
        zero = tf.UnconnectedGradients.ZERO
        return values, {task: tape.gradient(value, list(gates.values()), None, zero) for task, value in values.items()}

    def grad_cam(self, inputs: Mapping[str, Any], places: Places) -> dict[str, dict[str, np.ndarray]]:
        """Task to field to `float32 (batch, rows, columns)`: what in a picture speaks for an answer, at least 0.

        The sum of the encoder's channels, each weighted by the mean of its gradient over the grid, cut at 0. The gradient is
        that of the log-odds where answers are probabilities, as these have hardly any where a model is sure.
        """
        if not self._fading.grids:
            return {}
        at = {task: tf.constant(places[task], tf.int32) for task in self._tasks}
        found = self._maps(dict(inputs), at)
        return {task: {field: each.numpy() for field, each in maps.items()} for task, maps in found.items()}

    def _grad_cam(self, inputs: Any, at: Any) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            outputs = self._fading(inputs, {}, kept, tape)
            scores = {task: _score(outputs[task], at[task], self._kinds[task]) for task in self._tasks}
        found: dict[str, Any] = {}
        for task, score in scores.items():
            gradients = tape.gradient(score, kept, None, tf.UnconnectedGradients.ZERO)
            found[task] = {
                field: _map(kept[field], gradients[field], grid) for field, grid in self._fading.grids.items()
            }
        return found


def _put(kept: list[dict[Any, np.ndarray]], places: np.ndarray, found: Mapping[Any, np.ndarray]) -> None:
    for row, place in enumerate(places):
        for key, gradient in found.items():
            kept[place][key][row] = gradient[row]


def _spread(factors: np.ndarray, gate: Gate) -> np.ndarray:
    return factors.reshape(-1, *[1] * len(gate.shape))


def _picked(outputs: Mapping[str, Any], at: Mapping[str, Any]) -> dict[str, Any]:
    return {task: tf.gather(output, at[task], batch_dims=1) for task, output in outputs.items()}


def _score(output: Any, place: Any, kind: str) -> Any:
    """What Grad-CAM asks about, `(batch,)`."""
    picked = tf.gather(output, place, batch_dims=1)
    if kind == "classification":
        # Not 1 - p, which is 0 where a model is sure, and has no gradient there.
        others = tf.where(tf.one_hot(place, output.shape[1], True, False), 0.0, output)
        return tf.math.log(picked + TINY) - tf.math.log(tf.reduce_sum(others, axis=1) + TINY)
    if kind == "multilabel":
        return tf.math.log(picked + TINY) - tf.math.log(1.0 - picked + TINY)
    return picked


def _map(tokens: Any, gradients: Any, grid: tuple[int, int]) -> Any:
    cells = grid[0] * grid[1]
    tokens, gradients = (tf.cast(each[:, -cells:], tf.float32) for each in (tokens, gradients))
    weights = tf.reduce_mean(gradients, axis=1, keepdims=True)
    return tf.reshape(tf.nn.relu(tf.reduce_sum(tokens * weights, axis=2)), (-1, *grid))
