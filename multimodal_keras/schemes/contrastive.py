"""Bring what two modalities say about one record together, and keep records apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.registry import register
from multimodal_keras.schemes.scheme import Scheme, chosen_fields
from multimodal_keras.schemes.seen import Looker, Seen, Term

_HOTTEST = 100.0  # as in CLIP: the logits' scale is clipped here


@register
class ContrastiveScheme(Scheme):
    """InfoNCE between the pooled tokens of each pair of modalities, as in CLIP; before the tasks, beside them, or both.

    Each modality is projected to a common width; within a batch, the two views of a record have to find each other
    among those of all records. Records that lack one of the two are in no pair. The temperature is learned. One
    backward pass; large batches make it sharper. Use it where many records have few labels, or none: it needs no labels
    at all.

    Args:
        weight: beside the losses of the tasks; 0 to align before them only.
        epochs_before: so many epochs train the alignment alone. They are part of `epochs`, and count neither for
            patience nor for the best epoch.
        width: of the common space.
        temperature: at the start.
        fields: between which modalities; None for all.
        **kwargs: Keras's own (`name`).

    Raises:
        ValueError: for numbers out of range, an unknown field, or fewer than two.

    Example:

    >>> import multimodal_keras as mk
    >>> mk.ContrastiveScheme(weight=0.5, epochs_before=3).epochs_before
    3

    Reference:
        Radford et al., Learning Transferable Visual Models From Natural Language Supervision (arXiv:2103.00020); van
        den Oord et al., Representation Learning with Contrastive Predictive Coding (arXiv:1807.03748).
    """

    def __init__(
        self,
        *,
        weight: float = 0.1,
        epochs_before: int = 0,
        width: int = 64,
        temperature: float = 0.07,
        fields: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(weight=weight, **kwargs)
        if not temperature > 0:
            raise ValueError(f"A temperature is above 0. Received {temperature!r}. Raise it.")
        self._epochs_before = whole("epochs_before", epochs_before, least=0)
        self.width, self.temperature = whole("width", width), float(temperature)
        self.fields = None if fields is None else sorted(fields)

    @property
    def epochs_before(self) -> int:
        return self._epochs_before

    def create(self, look: Looker) -> None:
        self._fields = chosen_fields(look, self.fields, 2, type(self).__name__)
        widths = look.widths()
        self._projections = {}
        for field in self._fields:
            layer = keras.layers.Dense(self.width, use_bias=False, dtype="float32", name=f"{field}_projection")
            layer.build((None, widths[field]))
            self._projections[field] = layer
        start = keras.initializers.Constant(math.log(1 / self.temperature))
        self.log_scale = self.add_weight(name="log_scale", shape=(), initializer=start, dtype="float32")

    def term_names(self) -> list[str]:
        return ["contrastive"]

    def terms(self, seen: Seen) -> dict[str, Term]:
        views = {field: _unit(self._projections[field](seen.pooled(field))) for field in self._fields}
        scale = ops.minimum(ops.exp(ops.convert_to_tensor(self.log_scale)), _HOTTEST)
        losses, counts = [], []
        for one, other in itertools.combinations(self._fields, 2):
            both = ops.logical_and(seen.present[one], seen.present[other])
            losses.append(info_nce(views[one], views[other], both, scale))
            counts.append(ops.sum(ops.cast(both, "float32")))
        return {"contrastive": Term(sum(losses[1:], losses[0]) / len(losses), sum(counts[1:], counts[0]))}

    def total(self, terms: dict[str, Term], epoch: Any) -> Any:
        alone = ops.where(epoch < self._epochs_before, 1.0, self.weight)
        return alone * terms["contrastive"].loss

    def share_of_tasks(self, epoch: Any) -> Any:
        return ops.where(epoch < self._epochs_before, 0.0, 1.0) if self._epochs_before else 1.0

    def get_config(self) -> dict[str, Any]:
        more = {"epochs_before": self._epochs_before, "width": self.width, "temperature": self.temperature}
        return {**super().get_config(), **more, "fields": self.fields}


def info_nce(one: Any, other: Any, both: Any, scale: Any) -> Any:
    """The symmetric cross-entropy of finding the other view of each record in the batch.

    Args:
        one: unit vectors, `float32 (batch, width)`.
        other: unit vectors, `float32 (batch, width)`.
        both: which records have both views, `bool (batch,)`; the others are in no pair and nobody's rival.
        scale: what the cosines are multiplied by.

    Returns:
        The mean over records and both directions, a float32 scalar; 0 where no record has both.
    """
    logits = scale * ops.matmul(one, ops.transpose(other))
    counted = ops.cast(both, "float32")
    total = ops.zeros(())
    for scores in (logits, ops.transpose(logits)):
        shown = ops.where(ops.expand_dims(both, 0), scores, -1e9)
        missed = ops.logsumexp(shown, axis=1) - ops.diagonal(scores)
        total = total + ops.sum(ops.where(both, missed, 0.0))
    return total / 2 / ops.maximum(ops.sum(counted), 1.0)


def _unit(vectors: Any) -> Any:
    # The root of a sum that is never 0: a vector of zeros has a finite gradient.
    return vectors / ops.sqrt(ops.sum(ops.square(vectors), axis=1, keepdims=True) + 1e-12)
