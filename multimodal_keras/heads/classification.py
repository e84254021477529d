"""One label out of many."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.heads.labels import LabelsHead
from multimodal_keras.heads.losses import FocalCrossentropy, softened
from multimodal_keras.registry import register
from multimodal_keras.runtime.reading import is_missing


@register
class ClassificationHead(LabelsHead):
    """Exactly one label for each record, as probabilities that sum to 1.

    Args:
        labels: the label names, in the order of the outputs; None to take them from the records, sorted.
        hidden_units: the width of a layer before the answer; None for none.
        dropout: the rate of dropout on the fused vector.
        class_weight: None, `"balanced"`, or a dict of label to weight.
        focal_gamma: the focusing of the focal loss; 0 for plain cross-entropy.
        label_smoothing: how much of the target is spread over all labels.
        **kwargs: `loss_weight`, and Keras's own (`name`, `dtype`).

    Call arguments:
        fused: `(batch, width)`.

    Returns:
        Probabilities, `float32 (batch, labels)`.

    Raises:
        ValueError: if it is built without labels, or meets a label that it does not know.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> head = mk.ClassificationHead(labels=["cat", "dog"])
    >>> head(np.ones((3, 8))).shape, head.targets(["dog", None])[0].tolist()
    (TensorShape([3, 2]), [1, 0])

    Reference:
        Lin et al., Focal Loss for Dense Object Detection (arXiv:1708.02002), for `focal_gamma`.
    """

    kind = "classification"

    def __init__(self, *, focal_gamma: float = 0.0, label_smoothing: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.focal_gamma = float(focal_gamma)
        self.label_smoothing = float(label_smoothing)

    def names_of(self, value: Any) -> list[str]:
        return [] if is_missing(value) else [_text(value)]

    def encode(self, value: Any) -> np.ndarray | None:
        return None if is_missing(value) else np.asarray(self.index_of(_text(value)), "int32")

    @property
    def target_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def target_dtype(self) -> str:
        return "int32"

    def default_loss(self) -> keras.losses.Loss:
        return FocalCrossentropy(
            gamma=self.focal_gamma, label_smoothing=self.label_smoothing, class_weight=self.weights_of_labels()
        )

    def default_metrics(self) -> list[keras.metrics.Metric]:
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def distance(self, teacher: Any, answer: Any, temperature: float) -> Any:
        """The Kullback-Leibler divergence from the teacher's softened probabilities, times the squared temperature."""
        soft, log_soft = softened(teacher, temperature)
        return temperature**2 * ops.sum(soft * (log_soft - softened(answer, temperature)[1]), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "focal_gamma": self.focal_gamma, "label_smoothing": self.label_smoothing}


def _text(value: Any) -> str:
    """A label as text: bytes decoded, whole floats without their `.0` (a column with gaps is read as floats)."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)
