"""Any number of labels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.heads.labels import LabelsHead
from multimodal_keras.heads.losses import softened
from multimodal_keras.registry import register
from multimodal_keras.runtime.reading import is_missing


@register
class WeightedBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy averaged over labels, with a weight for each label; over labelled records only.

    Args:
        class_weight: a weight for each label, in the order of the outputs; None for equal ones.
        name: of the loss.
        **kwargs: Keras's own (`reduction`, `dtype`).

    Call arguments:
        y_true: `(batch, labels)`, 0 or 1.
        y_pred: `(batch, labels)`, probabilities.
    """

    def __init__(
        self, *, class_weight: list[float] | None = None, name: str = "weighted_binary_crossentropy", **kwargs: Any
    ) -> None:
        super().__init__(**{"reduction": "mean_with_sample_weight", **kwargs}, name=name)
        self.class_weight = class_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        chances = ops.clip(ops.cast(y_pred, "float32"), 1e-7, 1 - 1e-7)
        truth = ops.cast(y_true, "float32")
        loss = -(truth * ops.log(chances) + (1 - truth) * ops.log(1 - chances))
        if self.class_weight is not None:
            loss = loss * ops.convert_to_tensor(self.class_weight, "float32")
        return ops.mean(loss, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_weight": self.class_weight}


@register
class MultiLabelHead(LabelsHead):
    """Any number of labels for each record, as independent probabilities.

    A record's value is a list of names, or a string with a separator. An empty list or cell means that the record is not
    labelled; write `none_label` for a record that was looked at and has no label.

    Args:
        labels: the label names, in the order of the outputs; None to take them from the records, sorted.
        separator: what stands between the names in a string.
        none_label: the name that stands for "no label at all".
        **kwargs: `hidden_units`, `dropout`, `class_weight` (see `ClassificationHead`), `loss_weight`, and Keras's own.

    Call arguments:
        fused: `(batch, width)`.

    Returns:
        Probabilities, `float32 (batch, labels)`.

    Raises:
        ValueError: if it is built without labels, or meets a label that it does not know.

    Example:

    >>> import multimodal_keras as mk
    >>> head = mk.MultiLabelHead(labels=["cat", "dog"])
    >>> head.targets(["cat|dog", "none", None])
    (array([[1., 1.],
           [0., 0.],
           [0., 0.]], dtype=float32), array([1., 1., 0.], dtype=float32))
    """

    kind = "multilabel"
    activation = "sigmoid"
    fewest_labels = 1

    def __init__(self, *, separator: str = "|", none_label: str = "none", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.separator = separator
        self.none_label = none_label

    def names_of(self, value: Any) -> list[str]:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if is_missing(value):
            return []
        names = value.split(self.separator) if isinstance(value, str) else [str(name) for name in value]
        return [name.strip() for name in names if name.strip() and name.strip() != self.none_label]

    def encode(self, value: Any) -> np.ndarray | None:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if is_missing(value):
            return None
        target = np.zeros(self.target_shape, "float32")
        for name in self.names_of(value):
            target[self.index_of(name)] = 1.0
        return target

    def energy(self, fused: Any) -> Any:
        # Joint energy: Wang et al., Can multi-label classification networks know what they don't know? (arXiv:2109.14162).
        return -ops.sum(ops.softplus(self.logits(fused)), axis=-1, keepdims=True)

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (len(self.labels or ()),)

    def default_loss(self) -> keras.losses.Loss:
        return WeightedBinaryCrossentropy(class_weight=self.weights_of_labels())

    def default_metrics(self) -> list[keras.metrics.Metric]:
        return [keras.metrics.BinaryAccuracy(name="binary_accuracy")]

    def distance(self, teacher: Any, answer: Any, temperature: float) -> Any:
        """The mean over labels of the divergence from the teacher's softened yes and no, times the squared temperature."""
        soft, log_soft = softened(ops.stack([teacher, 1 - teacher], axis=-1), temperature)
        log_answer = softened(ops.stack([answer, 1 - answer], axis=-1), temperature)[1]
        return temperature**2 * ops.mean(ops.sum(soft * (log_soft - log_answer), axis=-1), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "separator": self.separator, "none_label": self.none_label}
