"""A number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base import Head
from multimodal_keras.registry import register
from multimodal_keras.runtime.reading import is_missing


@register
class RegressionHead(Head):
    """One number for each record, in its own unit.

    The model learns the standardised number; mean and deviation are adapted from records and stand inside the graph.

    Args:
        unit: the unit of the number, for the contract ("years", "EUR").
        hidden_units: the width of a layer before the answer; None for none.
        dropout: the rate of dropout on the fused vector.
        mean: of the number; None to take it from the records.
        deviation: the standard deviation of the number; None to take it from the records.
        **kwargs: `loss_weight`, and Keras's own (`name`, `dtype`).

    Call arguments:
        fused: `(batch, width)`.

    Returns:
        The number, `float32 (batch, 1)`.

    Raises:
        ValueError: if it is built before mean and deviation are known, or a record's value is no finite number.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> head = mk.RegressionHead(mean=10.0, deviation=2.0)
    >>> head(np.ones((3, 8))).shape, head.targets(["7.5", None])[0].tolist()
    (TensorShape([3, 1]), [[7.5], [0.0]])
    """

    kind = "regression"

    def __init__(
        self,
        *,
        unit: str | None = None,
        hidden_units: int | None = None,
        dropout: float = 0.0,
        mean: float | None = None,
        deviation: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.unit = unit
        self.hidden_units = hidden_units
        self.dropout = float(dropout)
        self.mean = mean
        self.deviation = deviation
        self._hidden = keras.layers.Dense(hidden_units, activation="relu", dtype="float32") if hidden_units else None
        self._dropout = keras.layers.Dropout(self.dropout, dtype="float32")

    def adapt(self, values: Iterable[Any]) -> None:
        """Take mean and standard deviation from records; missing values are passed over.

        Raises:
            ValueError: if no record has a value.
        """
        count, mean, squares = 0, 0.0, 0.0
        for value in values:
            target = self.encode(value)
            if target is not None:
                count += 1
                step = float(target[0]) - mean
                mean += step / count
                squares += step * (float(target[0]) - mean)
        if not count:
            raise ValueError("A regression needs at least one record with a number. Received none. Check the column.")
        self.mean = mean if self.mean is None else self.mean
        self.deviation = ((squares / count) ** 0.5 or 1.0) if self.deviation is None else self.deviation

    @property
    def is_adapted(self) -> bool:
        return self.mean is not None and self.deviation is not None

    def encode(self, value: Any) -> np.ndarray | None:
        if is_missing(value):
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not np.isfinite(number):
            raise ValueError(f"A regression's value is a finite number. Received {value!r}. Leave it empty if unknown.")
        return np.asarray([number], "float32")

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (1,)

    def default_loss(self) -> keras.losses.Loss:
        return ScaledSquaredError(scale=self.deviation or 1.0)

    def default_metrics(self) -> list[keras.metrics.Metric]:
        return [keras.metrics.MeanAbsoluteError(name="mae")]

    def distance(self, teacher: Any, answer: Any, temperature: float) -> Any:
        """The squared difference, in units of the deviation."""
        return ops.mean(ops.square((teacher - answer) / (self.deviation or 1.0)), axis=-1)

    def metric_drop(self, before: float, after: float) -> float:
        # An error has the unit of the values; their deviation makes it a share.
        return (after - before) / (self.deviation or 1.0)

    def build(self, fused_shape: Any) -> None:
        if not self.is_adapted:
            raise ValueError(
                f"A regression knows mean and deviation before it is built. Received mean={self.mean!r}, deviation="
                f"{self.deviation!r}. Pass both, or build with adapt_to=records."
            )
        width = fused_shape[-1]
        if self._hidden is not None:
            self._hidden.build((None, width))
            width = self.hidden_units
        self._answer = keras.layers.Dense(1, dtype="float32", name="answer")
        self._answer.build((None, width))
        self.built = True

    def call(self, fused: Any, training: bool | None = None) -> Any:
        fused = self._dropout(ops.cast(fused, "float32"), training=training)
        if self._hidden is not None:
            fused = self._hidden(fused)
        return self._answer(fused) * self.deviation + self.mean

    def compute_output_shape(self, fused_shape: Any) -> Any:
        return (fused_shape[0], 1)

    def contract(self) -> dict[str, Any]:
        return {**super().contract(), "unit": self.unit, "mean": self.mean, "deviation": self.deviation}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "unit": self.unit,
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "mean": self.mean,
            "deviation": self.deviation,
        }


@register
class ScaledSquaredError(keras.losses.Loss):
    """The squared error in units of a scale, so that the loss weighs alike whatever the unit; labelled records only.

    Args:
        scale: what one unit of error is.
        name: of the loss.
        **kwargs: Keras's own (`reduction`, `dtype`).

    Call arguments:
        y_true: `(batch, 1)`.
        y_pred: `(batch, 1)`.
    """

    def __init__(self, *, scale: float = 1.0, name: str = "scaled_squared_error", **kwargs: Any) -> None:
        super().__init__(**{"reduction": "mean_with_sample_weight", **kwargs}, name=name)
        self.scale = float(scale)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.mean(ops.square((ops.cast(y_true, "float32") - y_pred) / self.scale), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}
