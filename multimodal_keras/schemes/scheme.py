"""The contract of a training scheme: more losses, other inputs or other gradients while a model is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Modality
from multimodal_keras.schemes.seen import Looker, Seen, Term


class Scheme(keras.layers.Layer):
    """Something that is done beside the tasks while a model is trained. It is no part of the model.

    A subclass has one file, `@register`, and overrides what it needs of the methods below. Its layers and variables are
    made in `create`; they are trained with the model, kept in the checkpoint, and gone when the training ends.

    `validates`: whether its losses are taken on validation records too.

    Args:
        weight: of the scheme's losses beside those of the tasks.
        **kwargs: Keras's own (`name`, `dtype`). A scheme computes in float32 under mixed precision too.

    Raises:
        ValueError: for a weight below 0.
    """

    validates = True

    def __init__(self, *, weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if not 0 <= weight < float("inf"):
            raise ValueError(f"The weight of {type(self).__name__} is not below 0. Received {weight!r}. Raise it.")
        self.weight = float(weight)

    def prepare(self, look: Looker) -> None:
        """Make what is needed for a model, once, before the training.

        Args:
            look: at the model.

        Raises:
            ValueError: if the scheme makes no sense for this model.
        """
        self.create(look)
        self.built = True

    def create(self, look: Looker) -> None:
        """Make layers and variables for a model."""

    @property
    def needs_validation(self) -> bool:
        """Whether `fit` has to be given validation records."""
        return False

    @property
    def epochs_before(self) -> int:
        """How many epochs go by before the tasks are trained; they do not count for the best epoch or for patience."""
        return 0

    def more_modalities(self) -> Mapping[str, Modality]:
        """Fields that the scheme wants to have decoded beside those of the model."""
        return {}

    def change(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs of a training step, changed."""
        return inputs

    def term_names(self) -> list[str]:
        """The names of the scheme's losses; the history has them as `<name>_loss`."""
        return []

    def terms(self, seen: Seen) -> dict[str, Term]:
        """The scheme's losses for a batch by name. While validating they are asked for only if it `validates`."""
        return {}

    def total(self, terms: dict[str, Term], epoch: Any) -> Any:
        """What the terms of a training step add to the loss, in an epoch counted from 0."""
        return self.weight * sum((term.loss for term in terms.values()), ops.zeros(()))

    def share_of_tasks(self, epoch: Any) -> Any:
        """What the losses of the tasks are multiplied by."""
        return 1.0

    def modulate(self, seen: Seen, gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        """The gradients of a step, changed. One may be None, or a `tf.IndexedSlices`."""
        return list(gradients)

    def end_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Learn from an epoch's figures, those of validation included."""

    def facts(self) -> dict[str, Any]:
        """JSON-able: what makes two schemes the same."""
        return self.get_config()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight}


def chosen_fields(look: Looker, fields: Sequence[str] | None, least: int, who: str) -> list[str]:
    """The fields that a scheme is for, sorted.

    Args:
        look: at the model.
        fields: those that the user named; None for all.
        least: how many the scheme needs.
        who: the scheme's name, for the errors.

    Raises:
        ValueError: for a field that the model does not have, or too few.
    """
    strangers = sorted(set(fields or ()) - set(look.fields))
    if strangers:
        raise ValueError(
            f"{who} is for the model's fields: {', '.join(look.fields)}. Received {', '.join(strangers)}. Rename it."
        )
    found = sorted(look.fields if fields is None else set(fields))
    if len(found) < least:
        raise ValueError(f"{who} needs at least {least} modalities. Received {', '.join(found)}. Leave the scheme out.")
    return found
