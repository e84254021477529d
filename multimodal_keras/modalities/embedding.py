"""Vectors that were computed elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from multimodal_keras.base import FeatureSpec, Modality
from multimodal_keras.modalities.containers_graph import require
from multimodal_keras.registry import register
from multimodal_keras.runtime.vector import read_vector

NORMALIZATIONS = ("none", "l2", "standard")
_LEAST_LENGTH = 1e-12


@register
class EmbeddingModality(Modality):
    """A vector of numbers that another model computed: of a face, a sentence, a user, a molecule.

    It is complete or missing: a NaN among numbers is refused, nothing but NaN is a missing one.

    Args:
        width: how many numbers there are; None to take it from the records.
        normalization: `"none"`, `"l2"` (to the length 1; zeros stay zeros), or `"standard"` (each number by its mean and
            deviation).
        mean: of each number, for `"standard"`; None to take it from the records.
        deviation: likewise; 1 for a number that never changes.
        **kwargs: `optional`, and Keras's own (`name`, `dtype`).

    Call arguments:
        tensor: `float32 (batch, width)`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: for an argument out of its range, or a record's value that is no such vector.

    Example:

    >>> import multimodal_keras as mk
    >>> vector = mk.EmbeddingModality(2, normalization="l2")
    >>> vector(vector.decode([[3.0, 4.0]])[0]).numpy().round(3).tolist()
    [[0.6000000238418579, 0.800000011920929]]

    Reference:
        Schroff, Kalenichenko and Philbin, FaceNet (arXiv:1503.03832), for vectors of the length 1.
    """

    kind = "embedding"
    default_encoder = "DenseEncoder"
    file_suffixes = (".npy",)

    def __init__(
        self,
        width: int | None = None,
        *,
        normalization: str = "none",
        mean: Sequence[float] | None = None,
        deviation: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        # Not cast to float16 before it is normalised.
        super().__init__(**{"autocast": False, **kwargs})
        if width is not None and width < 1:
            raise ValueError(f"width is at least 1. Received {width!r}. Raise it.")
        if normalization not in NORMALIZATIONS:
            known = ", ".join(NORMALIZATIONS)
            raise ValueError(f"normalization is one of {known}. Received {normalization!r}. Choose one of these.")
        self.width = width
        self.normalization = normalization
        self.mean = None if mean is None else [float(value) for value in mean]
        self.deviation = None if deviation is None else [float(value) for value in deviation]
        for name, values in (("mean", self.mean), ("deviation", self.deviation)):
            if values is not None and len(values) != width:
                raise ValueError(f"{name} has width={width} numbers. Received {len(values)}. Pass as many.")
        if self.deviation is not None and min(self.deviation) <= 0:
            raise ValueError("A deviation is above 0. Received another one. Pass 1 for a number that never changes.")

    @property
    def is_adapted(self) -> bool:
        learned = self.normalization != "standard" or None not in (self.mean, self.deviation)
        return self.width is not None and learned

    def _known(self) -> int:
        if self.width is None:
            raise ValueError(
                f"{self.name} does not know its width yet. Pass width=..., call adapt, or build with adapt_to=records."
            )
        return self.width

    def raw_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((self.width,), tf.float32)

    def tensor_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((self._known(),), tf.float32)

    def feature_spec(self) -> FeatureSpec:
        return FeatureSpec((self._known(),), self.compute_dtype)

    def read(self, value: Any, folder: Path | None = None) -> np.ndarray | None:
        return read_vector(value, folder, self.width)

    @tf.autograph.experimental.do_not_convert
    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = tf.ensure_shape(tf.convert_to_tensor(raw, tf.float32), (None, self._known()))
        there = tf.logical_not(tf.reduce_all(tf.math.is_nan(raw), axis=1))
        finite = require(
            tf.reduce_all(tf.math.is_finite(tf.where(there[:, None], raw, 0.0))),
            "A vector holds finite numbers; only a missing one is NaN, as a whole. Received another one. Replace it.",
        )
        with tf.control_dependencies([finite]):
            return tf.identity(raw), there

    def adapt(self, values: Iterable[Any]) -> None:
        """Take the width from vectors, and for `"standard"` the mean and deviation of each of their numbers.

        Args:
            values: as `read` returns or takes them; one pass.

        Raises:
            ValueError: if there is none, or they differ in their width.
        """
        count, total, squares = 0, np.zeros(1), np.zeros(1)
        for value in values:
            vector = self.read(value)
            if vector is not None:
                self.width = len(vector)
                count += 1
                # Welford's: exact whatever the mean is.
                apart = vector - total
                total = total + apart / count
                squares = squares + apart * (vector - total)
        if not count:
            raise ValueError("A vector learns from at least one record. Received none. Check the field.")
        if self.normalization == "standard":
            deviation = np.sqrt(squares / count)
            self.mean = total.tolist()
            self.deviation = np.where(deviation > 1e-7 * np.abs(total), deviation, 1.0).tolist()

    def call(self, tensor: Any, training: bool | None = None) -> Any:
        if self.normalization == "l2":
            # By the largest number first, whose square might not be finite.
            largest = ops.maximum(ops.max(ops.abs(tensor), axis=1, keepdims=True), _LEAST_LENGTH)
            scaled = tensor / largest
            length = ops.sqrt(ops.sum(scaled * scaled, axis=1, keepdims=True))
            tensor = scaled / ops.maximum(length, _LEAST_LENGTH)
        if self.normalization == "standard":
            tensor = (tensor - np.asarray(self.mean, "float32")) / np.asarray(self.deviation, "float32")
        return ops.cast(tensor, self.compute_dtype)

    def compute_output_spec(self, tensor: Any, training: bool | None = None) -> Any:
        return keras.KerasTensor(tensor.shape, dtype=self.compute_dtype)

    def contract(self) -> dict[str, Any]:
        return {**super().contract(), "normalization": self.normalization}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "normalization": self.normalization,
            "mean": self.mean,
            "deviation": self.deviation,
        }
