"""How unusual a record is, as a number in the graph: above 0 it is unlike nearly all records of the calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base.calibration import listed, row_of
from multimodal_keras.base.head import Head
from multimodal_keras.registry import register

ENERGY, MAHALANOBIS = "energy", "mahalanobis"


class Unusual(keras.layers.Layer):
    """Base class of out-of-distribution scores: a score of the fused vector, less the limit of familiar records.

    Args:
        options: how the numbers were fitted, see `calibrating.CalibrationOptions`.
        limit: `(patterns, 1)`: what the wished share of calibration records stays below.
        records: how many records each row was fitted on.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        fused: `(batch, width)`.
        pattern: `float32 (batch, patterns)` of `PresencePattern`; None where there is one row.

    Returns:
        `float32 (batch, 1)`; above 0 is unusual.
    """

    method = ""

    def __init__(self, *, options: Mapping[str, Any], limit: Any, records: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.options, self.limit, self.records = dict(options), listed(limit), [int(count) for count in records]

    def build(self, fused_shape: Any, pattern_shape: Any = None) -> None:
        self.fused_shape = tuple(fused_shape)
        self.built = True

    def score(self, fused: Any, pattern: Any) -> Any:
        """The score without its limit, `float32 (batch, 1)`."""
        raise NotImplementedError

    def call(self, fused: Any, pattern: Any = None) -> Any:
        return self.score(ops.cast(fused, "float32"), pattern) - row_of(self.limit, pattern)

    def compute_output_spec(self, fused: Any, pattern: Any = None) -> Any:
        return keras.KerasTensor((fused.shape[0], 1), dtype="float32")

    def contract(self) -> dict[str, Any]:
        """JSON-able facts for a client."""
        return {"method": self.method, "familiar": self.options["ood"], "limit": self.limit, "records": self.records}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "options": self.options, "limit": self.limit, "records": self.records}


@register
class EnergyScore(Unusual):
    """The energy of the heads with labels, summed up: minus the log of the sum of their exponentiated logits.

    Args:
        heads: copies of the model's heads, or their Keras configs.
        **kwargs: those of `Unusual`.

    Reference:
        Liu et al., Energy-based Out-of-distribution Detection (arXiv:2010.03759).
    """

    method = ENERGY

    def __init__(self, *, heads: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads: list[Head] = [
            head if isinstance(head, Head) else keras.saving.deserialize_keras_object(head) for head in heads
        ]

    def build(self, fused_shape: Any, pattern_shape: Any = None) -> None:
        for head in self.heads:
            if not head.built:
                head.build(fused_shape)
        super().build(fused_shape)

    def score(self, fused: Any, pattern: Any) -> Any:
        return sum(head.energy(fused) for head in self.heads)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": [keras.saving.serialize_keras_object(head) for head in self.heads]}


@register
class MahalanobisScore(Unusual):
    """The distance of the fused vector from the mean of familiar ones, in standard deviations of each of its numbers.

    The covariance is its diagonal: a full one needs many more records than numbers in the vector, and a matrix in each file.

    Args:
        mean: `(patterns, width)`.
        deviation: `(patterns, width)`, above 0.
        **kwargs: those of `Unusual`.

    Reference:
        Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks
        (arXiv:1807.03888), with one class.
    """

    method = MAHALANOBIS

    def __init__(self, *, mean: Any, deviation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mean, self.deviation = listed(mean), listed(deviation)

    def score(self, fused: Any, pattern: Any) -> Any:
        scale = row_of(1.0 / np.asarray(self.deviation), pattern)
        distance = ops.mean(ops.square((fused - row_of(self.mean, pattern)) * scale), axis=-1, keepdims=True)
        return ops.sqrt(distance)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "deviation": self.deviation}
