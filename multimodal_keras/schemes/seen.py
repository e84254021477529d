"""One pass of a batch through a model, with what the encoders made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
from keras import ops

from multimodal_keras.base import parts, split_steps
from multimodal_keras.base.parts import MODALITY_DROPOUT, output_of, presences
from multimodal_keras.base.steps import pool, width_of


@dataclass(frozen=True)
class Seen:
    """What a scheme sees of one batch.

    Attributes:
        inputs: of the model, by name, as they were fed.
        targets: task to `(batch, ...)`; empty where nobody gave labels.
        weights: task to `float32 (batch,)`, 0 for a record without a label.
        outputs: task to prediction, `float32 (batch, outputs)`.
        tokens: field to what its encoder returned, `(batch, steps, width)`.
        masks: field to `bool (batch, steps)` where its encoder returned a mask.
        present: field to `bool (batch,)`, after modality dropout. Tokens of absent ones mean nothing.
        poolings: field to how its tokens become one vector.
        training: whether this is a step of the training.
        epoch: counted from 0, an int32 scalar.
    """

    inputs: dict[str, Any]
    targets: dict[str, Any]
    weights: dict[str, Any]
    outputs: dict[str, Any]
    tokens: dict[str, Any]
    masks: dict[str, Any]
    present: dict[str, Any]
    poolings: dict[str, str]
    training: bool
    epoch: Any

    def pooled(self, field: str) -> Any:
        """One vector for each record from one modality, `float32 (batch, width)`; zeros where it is absent."""
        vectors = ops.cast(pool(self.tokens[field], self.masks.get(field), self.poolings[field]), "float32")
        # By choosing, so that no NaN of an absent one leaks.
        return ops.where(ops.expand_dims(self.present[field], 1), vectors, ops.zeros_like(vectors))

    def shown(self, field: str) -> Any:
        """1 for records that have the modality, 0 for the others: `float32 (batch,)`."""
        return ops.cast(self.present[field], "float32")


class Term(NamedTuple):
    """One loss of a scheme for one batch.

    Attributes:
        loss: not weighted yet, a float32 scalar.
        records: of how many records it is the mean, for the mean over an epoch: a scalar.
    """

    loss: Any
    records: Any


class Looker:
    """Runs a model once and keeps what is inside: the model's own layers behind more outputs, and no layer more.

    Args:
        network: made by `build_model`.

    Attributes:
        network: the same.
        found: its `Parts`.
        fields: of its modalities, sorted.
        poolings: field to how its tokens become one vector.
    """

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        self.found = found = parts(network)
        self.fields = list(found.modalities)
        self.poolings = {field: found.fusion.pooling_of(field) for field in self.fields}
        tokens, masks = {}, {}
        for field in self.fields:
            tokens[field], mask = split_steps(output_of(network, found.encoders[field]))
            if mask is not None:
                masks[field] = mask
        inside = {"outputs": network.output, "tokens": tokens, "masks": masks, "present": presences(network)}
        self._inside = keras.Model(network.input, inside)

    @property
    def drops(self) -> bool:
        """Whether the model drops modalities while it is trained."""
        return bool(self.found.optional) and self.network.get_layer(MODALITY_DROPOUT).rate > 0

    def widths(self) -> dict[str, int]:
        """Field to the width of its pooled vector."""
        return {field: width_of(tokens) for field, tokens in self._inside.output["tokens"].items()}

    def __call__(
        self, inputs: Any, targets: Any = None, weights: Any = None, *, training: bool = False, epoch: Any = 0
    ) -> Seen:
        """One pass.

        Args:
            inputs: by name; more than the model has are passed over.
            targets: task to targets, or None.
            weights: task to weights, or None.
            training: whether dropout is active.
            epoch: counted from 0.

        Returns:
            `Seen`.
        """
        mine = {name: inputs[name] for name in self.network.input}
        inside = self._inside(mine, training=training)
        everyone = ops.ones(ops.shape(next(iter(mine.values())))[:1], dtype="bool")
        present = {field: inside["present"].get(field, everyone) for field in self.fields}
        return Seen(
            inputs,
            targets or {},
            weights or {},
            inside["outputs"],
            inside["tokens"],
            inside["masks"],
            present,
            self.poolings,
            training,
            epoch,
        )
