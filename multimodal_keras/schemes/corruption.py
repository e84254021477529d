"""Spoil some of what is fed, so that the model learns when not to believe a modality."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base import Modality, presence_name
from multimodal_keras.registry import register
from multimodal_keras.schemes.scheme import Scheme, chosen_fields
from multimodal_keras.schemes.seen import Looker

HOW = ("both", "noise", "swap")


@register
class CorruptionScheme(Scheme):
    """While training, a share of the records has noise, or another record's content, in the place of a modality's own.

    Modality dropout teaches a model to do without a modality that says that it is absent. This teaches it to notice one
    that is there and says nothing: pictures of pure noise, texts of random letters, a microphone that hisses. At least
    one of the modalities of each record stays as it is. No more passes. Use it where inputs get noisy without anybody
    telling.

    Noise is made on what a device sends: pixels of any value; token ids drawn from the vocabulary, as many as the text
    has; each cell of a table, vector or sound from another record of the batch; other numbers with the mean and
    deviation that their place has in the batch. Where you know better what noise is, pass examples: recordings of an
    empty room, or what a frozen network answers to pictures of nothing.

    Args:
        rate: the probability with which a modality of a record is spoilt.
        how: `"noise"`, `"swap"` (the content of another record of the batch), or `"both"`, each in half of the cases.
        fields: which modalities; None for all.
        noise: field to examples of its noise, `(examples, *shape)`, with shape and dtype of one record's tensor; one of
            them is drawn each time. The other fields get noise as above.
        seed: of the draws; None for Keras's own.
        **kwargs: Keras's own (`name`).

    Raises:
        ValueError: for a rate out of (0, 1), another `how`, an unknown field, a model of one modality, or examples that
            are no tensors of their field or are never drawn.

    Example:

    >>> import multimodal_keras as mk
    >>> mk.CorruptionScheme(rate=0.3, how="noise").rate
    0.3

    Reference:
        Eitel et al., Multimodal Deep Learning for Robust RGB-D Object Recognition (arXiv:1507.06821), for noise while
        training; Bahri et al., SCARF: Self-Supervised Contrastive Learning using Random Feature Corruption
        (arXiv:2106.15147), for content drawn from other records.
    """

    def __init__(
        self,
        *,
        rate: float = 0.2,
        how: str = "both",
        fields: Sequence[str] | None = None,
        noise: Mapping[str, Any] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < rate < 1:
            raise ValueError(f"The rate of CorruptionScheme is in (0, 1). Received {rate!r}. Change it.")
        if how not in HOW:
            raise ValueError(f"how is one of {', '.join(HOW)}. Received {how!r}. Choose one of these.")
        if noise and how == "swap":
            raise ValueError(
                "With how='swap' no noise is drawn. Received examples of it. Change how, or leave them out."
            )
        self.rate, self.how, self.seed = float(rate), how, seed
        self.noise = {field: np.asarray(examples) for field, examples in (noise or {}).items()}
        self.fields = None if fields is None else sorted(fields)
        self._draws = keras.random.SeedGenerator(seed)

    def create(self, look: Looker) -> None:
        chosen_fields(look, None, 2, type(self).__name__)
        self._fields = chosen_fields(look, self.fields, 1, type(self).__name__)
        self._keeps_one = len(self._fields) == len(look.fields)
        self._sizes = {field: _vocabulary(look.found.modalities[field]) for field in self._fields}
        strangers = sorted(set(self.noise) - set(self._fields))
        if strangers:
            raise ValueError(
                f"CorruptionScheme(noise=...) is for the fields that are spoilt: {', '.join(self._fields)}. "
                f"Received {', '.join(strangers)}. Rename it, or name it in fields."
            )
        for field, examples in self.noise.items():
            _check_examples(field, examples, look.found.modalities[field])
        # As tensors of their own: a graph would hold a copy of an array, and has no room for many pictures.
        self._examples = {field: ops.convert_to_tensor(examples) for field, examples in self.noise.items()}

    def change(self, inputs: dict[str, Any]) -> dict[str, Any]:
        spoilt = self.spoilt(inputs)
        changed = dict(inputs)
        for place, field in enumerate(self._fields):
            tensor = inputs[field]
            chosen = ops.reshape(spoilt[:, place], (-1, *[1] * (len(tensor.shape) - 1)))
            changed[field] = ops.where(chosen, self._other(field, tensor), tensor)
        return changed

    def spoilt(self, inputs: dict[str, Any]) -> Any:
        """Which modalities of which records are spoilt: `bool (batch, fields)`. Of absent ones none are."""
        batch = ops.shape(inputs[self._fields[0]])[0]
        everyone = ops.ones((batch,), dtype="bool")
        shown = ops.stack([inputs.get(presence_name(field), everyone) for field in self._fields], axis=1)
        draws = ops.where(shown, keras.random.uniform(ops.shape(shown), seed=self._draws), -1.0)
        chosen = ops.logical_and(shown, draws < self.rate)
        if self._keeps_one:
            # The largest draw among those that are present is the one that stays.
            chosen = ops.logical_and(chosen, draws < ops.max(draws, axis=1, keepdims=True))
        return chosen

    def _other(self, field: str, tensor: Any) -> Any:
        batch = ops.shape(tensor)[0]
        swapped = ops.take(tensor, self._order(batch), axis=0)
        if self.how == "swap":
            return swapped
        noise = self._example(field, batch) if field in self._examples else self._noise(tensor, self._sizes[field])
        if self.how == "noise":
            return noise
        half = keras.random.uniform((batch, *[1] * (len(tensor.shape) - 1)), seed=self._draws) < 0.5
        return ops.where(half, noise, swapped)

    def _example(self, field: str, batch: Any) -> Any:
        places = keras.random.randint((batch,), 0, len(self.noise[field]), seed=self._draws)
        return ops.take(self._examples[field], places, axis=0)

    def _order(self, batch: Any) -> Any:
        return ops.argsort(keras.random.uniform((batch,), seed=self._draws))

    def _noise(self, tensor: Any, vocabulary_size: int | None) -> Any:
        shape = ops.shape(tensor)
        if tensor.dtype == "uint8":
            return ops.cast(keras.random.randint(shape, 0, 256, seed=self._draws), "uint8")
        if vocabulary_size is not None:
            ids = keras.random.randint(shape, 1, vocabulary_size, seed=self._draws)
            return ops.where(tensor > 0, ops.cast(ids, tensor.dtype), tensor)
        if len(tensor.shape) == 2:
            others = keras.random.randint(shape, 0, shape[0], seed=self._draws)
            return ops.take_along_axis(tensor, others, axis=0)
        return self._normal(tensor)

    def _normal(self, tensor: Any) -> Any:
        """Numbers with the mean and deviation that each place has in the batch; what is missing (NaN) stays missing."""
        numbers = ops.cast(tensor, "float32")
        known = ops.logical_not(ops.isnan(numbers))
        count = ops.maximum(ops.sum(ops.cast(known, "float32"), axis=0, keepdims=True), 1.0)
        mean = ops.sum(ops.where(known, numbers, 0.0), axis=0, keepdims=True) / count
        away = ops.where(known, ops.square(numbers - mean), 0.0)
        spread = ops.sqrt(ops.sum(away, axis=0, keepdims=True) / count)
        drawn = mean + spread * keras.random.normal(ops.shape(tensor), seed=self._draws)
        return ops.cast(ops.where(known, drawn, numbers), tensor.dtype)

    def facts(self) -> dict[str, Any]:
        digests = {field: hashlib.sha256(examples.tobytes()).hexdigest() for field, examples in self.noise.items()}
        return {**self.get_config(), "noise": digests or None}

    def get_config(self) -> dict[str, Any]:
        noise = self.noise or None
        more = {"rate": self.rate, "how": self.how, "fields": self.fields, "noise": noise, "seed": self.seed}
        return {**super().get_config(), **more}


def _vocabulary(modality: Modality) -> int | None:
    """How many ids a tensor of token ids has; None for numbers."""
    return modality.feature_spec().vocabulary_size if modality.tensor_spec().dtype.is_integer else None


def _check_examples(field: str, examples: np.ndarray, modality: Modality) -> None:
    spec = modality.tensor_spec()
    wished, dtype = tuple(spec.shape), spec.dtype.as_numpy_dtype
    if not examples.size or examples.shape[1:] != wished or examples.dtype != dtype:
        raise ValueError(
            f"Noise of {field!r} is (examples, {', '.join(map(str, wished))}) of {np.dtype(dtype).name}. "
            f"Received {examples.shape} of {examples.dtype}. Pass what the modality decodes."
        )
