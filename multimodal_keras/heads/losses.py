"""The loss of the classification heads, and softer probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.registry import register


@register
class FocalCrossentropy(keras.losses.Loss):
    """Cross-entropy over probabilities, with class weights, label smoothing and focusing on what is still wrong.

    With its defaults it equals `keras.losses.SparseCategoricalCrossentropy`. It averages over labelled records: those
    with a sample weight of 0 count neither above nor below the line.

    Args:
        gamma: each record's loss is multiplied by `(1 - p) ** gamma`, with p the probability of its label.
        label_smoothing: how much of the target is spread over all labels.
        class_weight: a weight for each label, in the order of the outputs; None for equal ones.
        name: of the loss.
        **kwargs: Keras's own (`reduction`, `dtype`).

    Call arguments:
        y_true: `int (batch,)`.
        y_pred: `(batch, labels)`, probabilities.

    Reference:
        Lin et al., Focal Loss for Dense Object Detection (arXiv:1708.02002).
    """

    def __init__(
        self,
        *,
        gamma: float = 0.0,
        label_smoothing: float = 0.0,
        class_weight: Sequence[float] | None = None,
        name: str = "focal_crossentropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"reduction": "mean_with_sample_weight", **kwargs}, name=name)
        self.gamma = float(gamma)
        self.label_smoothing = float(label_smoothing)
        self.class_weight = None if class_weight is None else [float(weight) for weight in class_weight]

    def call(self, y_true: Any, y_pred: Any) -> Any:
        chances = ops.clip(ops.cast(y_pred, "float32"), 1e-7, 1.0)
        labels = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), chances.shape[-1], dtype="float32")
        smooth = labels * (1 - self.label_smoothing) + self.label_smoothing / chances.shape[-1]
        loss = -ops.sum(smooth * ops.log(chances), axis=-1)
        if self.gamma:
            loss = loss * (1 - ops.sum(labels * chances, axis=-1)) ** self.gamma
        if self.class_weight is not None:
            loss = loss * ops.sum(labels * ops.convert_to_tensor(self.class_weight, "float32"), axis=-1)
        return loss

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "label_smoothing": self.label_smoothing,
            "class_weight": self.class_weight,
        }


def softened(chances: Any, temperature: float) -> tuple[Any, Any]:
    """Probabilities as they would be with all logits divided by a temperature.

    Args:
        chances: probabilities that sum to 1 along the last axis.
        temperature: above 0.

    Returns:
        The softer probabilities, and their logarithms.
    """
    logits = ops.log(ops.clip(ops.cast(chances, "float32"), 1e-7, 1.0)) / temperature
    logs = logits - ops.logsumexp(logits, axis=-1, keepdims=True)
    return ops.exp(logs), logs
