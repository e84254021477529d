"""Which modality mattered: the exact Shapley value of every modality, as a graph beside the model's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base.missing import Missing
from multimodal_keras.base.naming import check_names
from multimodal_keras.base.parts import Parts, output_of, parts, presences
from multimodal_keras.base.steps import split_steps
from multimodal_keras.runtime.signatures import baseline_name, contributions_name

MAX_MODALITIES = 10  # 1,024 subsets


def contributions_model(model: keras.Model) -> keras.Model:
    """A model that answers what the given one does, and how much each modality contributed to it.

    The value of a subset of modalities is the prediction with the others absent. An optional one is absent as
    everywhere: its `<field>_present` is false. A required one, whose absence the model never met, is given to the fusion
    as the fusion's `missing` has it: as zeros with an all-False mask (`"exclude"`), or as a token of zeros
    (`"embed"`). What a record lacks is in no subset, so it contributes exactly 0. With a modality that is required, the
    baseline is thus an answer that the model was not trained for; declare the modality optional where that matters.

    The encoders run once; fusion and heads run once for each of the `2^modalities` subsets. No weight is added.

    Args:
        model: made by `build_model`, of at most 10 modalities.

    Returns:
        A functional model over the same inputs. For each task it answers `<task>`, the prediction; `<task>_contributions`,
        `float32 (batch, modalities sorted by name, outputs)`; and `<task>_baseline`, `float32 (batch, outputs)`: the
        prediction with nothing present. The contributions sum to the prediction minus the baseline. What a calibrated
        model answers beside its tasks is there too.

    Raises:
        ValueError: for more modalities, names that clash, or a model that `build_model` did not make.

    Example:

    >>> import multimodal_keras as mk
    >>> from multimodal_keras.base.contributions import contributions_model
    >>> model = mk.build_model(
    ...     {"title": mk.TextModality(vocabulary=["cat"]), "image": mk.ImageModality(size=(32, 32))},
    ...     {"subject": mk.ClassificationHead(labels=["animals", "food", "plants"])},
    ... )
    >>> contributions_model(model).output["subject_contributions"].shape
    (None, 2, 3)

    Reference:
        Shapley, A Value for n-Person Games, in Contributions to the Theory of Games II (1953).
    """
    found = parts(model)
    check_names(found.modalities, found.heads)
    if not is_explainable(found):
        raise ValueError(
            f"Contributions are exact over every subset of at most {MAX_MODALITIES} modalities. Received "
            f"{len(found.modalities)}: {', '.join(found.modalities)}. Join some of them into one."
        )
    here = _presences(model, found)
    tokens, masks, shown = {}, {}, {}
    for index, field in enumerate(found.modalities):
        subsets = _Shown(index, len(here), name=f"{field}_shown")
        tokens[field], masks[field], shown[field] = _in_subsets(model, found, field, subsets, here[field])
    fused = found.fusion(tokens, masks, shown)
    stacked = _Stacked(name="explained_present")(list(here.values()))
    outputs: dict[str, Any] = {}
    for task, predicted in found.answered(fused, shown).items():
        named = _Contributions(len(here), name=f"{task}_explained")(predicted, stacked)
        outputs |= dict(zip((task, contributions_name(task), baseline_name(task)), named, strict=True))
    outputs |= {name: tensor for name, tensor in model.output.items() if name not in outputs}
    return keras.Model(model.input, outputs, name="contributions")


def is_explainable(found: Parts) -> bool:
    """Whether a model has few enough modalities for exact contributions."""
    return len(found.modalities) <= MAX_MODALITIES


def subsets_of(count: int) -> np.ndarray:
    """Every subset of `count` modalities, from none to all: `bool (2^count, count)`."""
    return (np.arange(2**count)[:, None] >> np.arange(count)) % 2 == 1


def shapley_weights(count: int) -> np.ndarray:
    """What turns the values of all subsets into contributions: `float32 (count, 2^count)`.

    The contribution of a modality is the mean, over all orders in which modalities may come, of what its coming changes:
    `sum over S without i of |S|! (count - |S| - 1)! / count! (v(S + i) - v(S))`. Each row sums to 0.
    """
    member = subsets_of(count).T
    size = member.sum(axis=0)
    chance = [math.factorial(k) * math.factorial(count - k - 1) / math.factorial(count) for k in range(count)]
    gained = np.array([0.0, *chance])[size]
    lost = np.array([*chance, 0.0])[size]
    return np.where(member, gained, -lost).astype("float32")


def _presences(model: keras.Model, found: Parts) -> dict[str, Any]:
    """For each field `bool (batch,)`: whether the record has it. Behind modality dropout, which passes it on."""
    given = presences(model)
    return {
        field: given[field] if field in given else _Always(name=f"{field}_always")(model.input[field])
        for field in found.modalities
    }


def _in_subsets(model: keras.Model, found: Parts, field: str, subsets: _Shown, here: Any) -> tuple[Any, Any, Any]:
    """Tokens, step mask and presence of one modality, `(2^modalities * batch, ...)`, one subset after the other."""
    tokens, mask = split_steps(output_of(model, found.encoders[field]))
    tiled = _Tiled(subsets.count, name=f"{field}_tiled")
    shown = subsets(here)
    layers: Mapping[str, Any] = {layer.name: layer for layer in model.layers}
    missing = layers.get(f"{field}_missing")
    if missing is None:
        missing = Missing("exclude" if found.fusion.missing == "exclude" else "zeros", name=f"{field}_left_out")
    return *missing(tiled(tokens), shown, None if mask is None else tiled(mask)), shown


class _Always(keras.layers.Layer):
    """`bool (batch,)`, true for every record of an input."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"autocast": False, **kwargs})

    def call(self, tensor: Any) -> Any:
        return ops.ones(ops.shape(tensor)[:1], dtype="bool")

    def compute_output_spec(self, tensor: Any) -> Any:
        return keras.KerasTensor(tensor.shape[:1], dtype="bool")


class _Tiled(keras.layers.Layer):
    """A batch once for each subset: `(2^count * batch, ...)`."""

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def call(self, tensor: Any) -> Any:
        return ops.tile(tensor, (2**self.count, *[1] * (len(tensor.shape) - 1)))

    def compute_output_spec(self, tensor: Any) -> Any:
        return keras.KerasTensor((None, *tensor.shape[1:]), dtype=tensor.dtype)


class _Shown(keras.layers.Layer):
    """Whether one modality is in each subset and in the record: `bool (batch,)` to `bool (2^count * batch,)`."""

    def __init__(self, index: int, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index, self.count = index, count

    def call(self, present: Any) -> Any:
        member = ops.convert_to_tensor(subsets_of(self.count)[:, self.index, None])
        return ops.reshape(ops.logical_and(member, ops.expand_dims(present, 0)), (-1,))

    def compute_output_spec(self, present: Any) -> Any:
        return keras.KerasTensor((None,), dtype="bool")


class _Stacked(keras.layers.Layer):
    """Presences side by side: `bool (batch, count)`."""

    def call(self, present: Any) -> Any:
        return ops.stack(present, axis=1)

    def compute_output_spec(self, present: Any) -> Any:
        return keras.KerasTensor((present[0].shape[0], len(present)), dtype="bool")


class _Contributions(keras.layers.Layer):
    """Predictions of all subsets to prediction, contributions and baseline, in float32."""

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.count = count

    def call(self, values: Any, present: Any) -> tuple[Any, Any, Any]:
        values = ops.reshape(values, (2**self.count, -1, values.shape[-1]))
        # Differences from the baseline first: a large mean would swallow the digits of small contributions.
        gains = ops.transpose(values - values[:1], (1, 0, 2))
        weights = ops.broadcast_to(shapley_weights(self.count), (ops.shape(gains)[0], self.count, 2**self.count))
        contributions = ops.matmul(weights, gains)
        known = ops.expand_dims(present, -1)
        return values[-1], ops.where(known, contributions, ops.zeros_like(contributions)), values[0]

    def compute_output_spec(self, values: Any, present: Any) -> Any:
        outputs = values.shape[-1]
        shapes = ((None, outputs), (None, self.count, outputs), (None, outputs))
        return tuple(keras.KerasTensor(shape, dtype="float32") for shape in shapes)
