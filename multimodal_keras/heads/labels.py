"""What heads with named labels share."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Head

CLASS_WEIGHTS = ("balanced",)


class LabelsHead(Head):
    """Base class of heads that answer with one number for each of their labels.

    Args:
        labels: the label names, in the order of the outputs; None to take them from the records, sorted.
        hidden_units: the width of a layer before the answer; None for none.
        dropout: the rate of dropout on the fused vector.
        class_weight: None, `"balanced"` (each label counts as much as any other in the records of `adapt`), or a dict
            of label to weight.
        **kwargs: `loss_weight`, and Keras's own (`name`, `dtype`).
    """

    activation = "softmax"
    has_energy = True

    def __init__(
        self,
        *,
        labels: Sequence[str] | None = None,
        hidden_units: int | None = None,
        dropout: float = 0.0,
        class_weight: str | dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.dropout = float(dropout)
        if isinstance(class_weight, str) and class_weight not in CLASS_WEIGHTS:
            raise ValueError(f"class_weight is None, 'balanced' or a dict. Received {class_weight!r}.")
        self.class_weight = class_weight
        self.labels: tuple[str, ...] | None = None
        if labels is not None:
            self._set_labels([str(label) for label in labels])
        self._hidden = keras.layers.Dense(hidden_units, activation="relu", dtype="float32") if hidden_units else None
        self._dropout = keras.layers.Dropout(self.dropout, dtype="float32")

    def _set_labels(self, labels: Sequence[str]) -> None:
        if len(set(labels)) != len(labels) or len(labels) < self.fewest_labels:
            raise ValueError(
                f"{type(self).__name__} needs at least {self.fewest_labels} different labels. Received {list(labels)!r}. "
                "Check the label column."
            )
        self.labels = tuple(labels)
        self._index = {label: index for index, label in enumerate(labels)}

    fewest_labels = 2

    def names_of(self, value: Any) -> list[str]:
        """The label names in one value of a record."""
        raise NotImplementedError

    def adapt(self, values: Iterable[Any]) -> None:
        """Take the label names from records, sorted, and count them for balanced class weights.

        Args:
            values: one value for each record; missing ones are passed over.

        Raises:
            ValueError: if there are fewer labels than the head needs.
        """
        counts = Counter(name for value in values for name in self.names_of(value))
        if self.labels is None:
            self._set_labels(sorted(counts))
        if self.class_weight == "balanced":
            total = sum(counts.values())
            self.class_weight = {
                label: total / (len(self.labels or ()) * counts[label]) if counts[label] else 1.0
                for label in self.labels or ()
            }

    @property
    def is_adapted(self) -> bool:
        return self.labels is not None and self.class_weight != "balanced"

    def index_of(self, name: str) -> int:
        """The place of a label among the outputs; a ValueError names the nearest known one."""
        if self.labels is None:
            raise ValueError(f"{self.name} has no labels yet. Pass labels=[...], or build with adapt_to=records.")
        if name not in self._index:
            near = difflib.get_close_matches(name, self.labels, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(self.labels[:20])}."
            raise ValueError(f"A label is one that the head was adapted to. Received {name!r}. {hint}")
        return self._index[name]

    def weights_of_labels(self) -> list[float] | None:
        """The class weights in the order of the outputs, or None."""
        if not isinstance(self.class_weight, dict):
            return None
        weights = {str(label): float(weight) for label, weight in self.class_weight.items()}
        for label in weights:
            self.index_of(label)
        return [weights.get(label, 1.0) for label in self.labels or ()]

    def build(self, fused_shape: Any) -> None:
        if not self.is_adapted:
            raise ValueError(
                f"A head knows its labels before it is built. Received labels={self.labels!r}, class_weight="
                f"{self.class_weight!r}. Pass labels=[...], or build with adapt_to=records."
            )
        width = fused_shape[-1]
        if self._hidden is not None:
            self._hidden.build((None, width))
            width = self.hidden_units
        self._answer = keras.layers.Dense(len(self.labels or ()), dtype="float32", name="answer")
        self._answer.build((None, width))
        self.built = True

    def logits(self, fused: Any, training: bool | None = None) -> Any:
        """What the activation makes probabilities of, `float32 (batch, labels)`."""
        fused = self._dropout(ops.cast(fused, "float32"), training=training)
        if self._hidden is not None:
            fused = self._hidden(fused)
        return self._answer(fused)

    def call(self, fused: Any, training: bool | None = None) -> Any:
        return keras.activations.get(self.activation)(self.logits(fused, training))

    def energy(self, fused: Any) -> Any:
        logits = self.logits(fused)
        return -ops.logsumexp(logits, axis=-1, keepdims=True)

    def compute_output_shape(self, fused_shape: Any) -> Any:
        return (fused_shape[0], len(self.labels or ()))

    def contract(self) -> dict[str, Any]:
        return {**super().contract(), "labels": list(self.labels or ()), "range": [0.0, 1.0]}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "labels": None if self.labels is None else list(self.labels),
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "class_weight": dict(self.class_weight) if isinstance(self.class_weight, dict) else self.class_weight,
        }
