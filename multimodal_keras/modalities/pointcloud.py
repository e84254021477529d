"""Point clouds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from multimodal_keras.base import FeatureSpec, Modality
from multimodal_keras.modalities import points_graph
from multimodal_keras.modalities.containers_graph import require
from multimodal_keras.registry import register
from multimodal_keras.runtime.point_files import POINT_FILES
from multimodal_keras.runtime.points import SAMPLINGS, read_points, sampled

AUGMENTATIONS = ("jitter", "rotation", "scaling")
AXES = ("x", "y", "z")


@register
class PointCloudModality(Modality):
    """Points in space, as lidar and depth cameras give them: any number, in any order.

    The host half samples them to a fixed number, and repeats them in turn where there are fewer. A point with a NaN is
    none. The device half moves the middle of what they span to the origin, and scales them to the unit sphere.

    Args:
        points: how many are kept.
        features: how many numbers each has besides x, y and z, such as intensity or colour; they are handed on as they are.
        sampling: `"farthest"`, which keeps the shape with few points and costs points times points; or `"even"`, by their
            order, which costs nothing.
        up: the axis that clouds are turned about while training: `"x"`, `"y"` or `"z"`.
        augmentation: while training: `rotation`, up to how many degrees to either side; `jitter`, the deviation of what is
            added to each coordinate, in radii of the sphere; `scaling`, up to which part sizes differ.
        **kwargs: `optional`, and Keras's own (`name`, `dtype`).

    Call arguments:
        tensor: `float32 (batch, points, 3 + features)`.
        training: whether to augment.

    Returns:
        `(batch, points, 3 + features)`.

    Raises:
        ValueError: for an argument out of its range, a record's value that is no such cloud, or an infinite number.

    Example:

    >>> import multimodal_keras as mk
    >>> cloud = mk.PointCloudModality(points=2)
    >>> tensor, present = cloud.decode([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [9.0, 0.0, 0.0]]])
    >>> cloud(tensor).numpy().tolist()
    [[[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]]

    Reference:
        Qi et al., PointNet++ (arXiv:1706.02413), for farthest-point sampling.
    """

    kind = "pointcloud"
    default_encoder = "PointNetEncoder"
    file_suffixes = POINT_FILES

    def __init__(
        self,
        points: int = 512,
        features: int = 0,
        *,
        sampling: str = "farthest",
        up: str = "z",
        augmentation: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        # Not cast to float16 before it is scaled.
        super().__init__(**{"autocast": False, **kwargs})
        if points < 1 or features < 0:
            raise ValueError(f"points is at least 1 and features at least 0. Received {points!r} and {features!r}.")
        for name, value, known in (("sampling", sampling, SAMPLINGS), ("up", up, AXES)):
            if value not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}. Received {value!r}. Choose one of these.")
        given = dict(augmentation or {})
        if (
            given.keys() - set(AUGMENTATIONS)
            or any(value < 0 for value in given.values())
            or given.get("scaling", 0) >= 1
        ):
            raise ValueError(
                f"augmentation is a dict of {', '.join(AUGMENTATIONS)} to 0 or more, scaling below 1. Received {given}. "
                "Correct it."
            )
        self.points = int(points)
        self.features = int(features)
        self.sampling = sampling
        self.up = up
        self.augmentation = {name: value for name, value in sorted(given.items()) if value}
        self._seeds = keras.random.SeedGenerator() if self.augmentation else None

    @property
    def _width(self) -> int:
        return 3 + self.features

    def raw_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((None, self._width), tf.float32)

    def tensor_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((self.points, self._width), tf.float32)

    def feature_spec(self) -> FeatureSpec:
        return FeatureSpec((self.points, self._width), self.compute_dtype)

    def read(self, value: Any, folder: Path | None = None) -> np.ndarray | None:
        points = read_points(value, folder, self._width)
        return None if points is None else sampled(points, self.points, self.sampling)

    @tf.autograph.experimental.do_not_convert
    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = tf.ensure_shape(tf.convert_to_tensor(raw, tf.float32), (None, None, self._width))
        finite = require(
            tf.logical_not(tf.reduce_any(tf.math.is_inf(raw))),
            "A point cloud holds finite numbers. Received infinity. Replace it, or leave the point out.",
        )
        with tf.control_dependencies([finite]):
            tensor = points_graph.decode_points(tf.identity(raw), self.points, self.sampling)
        return tensor, tf.logical_not(tf.math.is_nan(tensor[:, 0, 0]))

    def call(self, tensor: Any, training: bool | None = None) -> Any:
        places, features = tensor[:, :, :3], tensor[:, :, 3:]
        least, most = (reduce(places, axis=1, keepdims=True) for reduce in (ops.min, ops.max))
        # By halves, whose sum is finite where that of the whole might not be.
        places = places - (0.5 * least + 0.5 * most)
        largest = ops.max(ops.abs(places), axis=(1, 2), keepdims=True)
        places = places / ops.where(largest > 0, largest, ops.ones_like(largest))
        radius = ops.sqrt(ops.max(ops.sum(places * places, axis=2, keepdims=True), axis=1, keepdims=True))
        places = places / ops.where(radius > 0, radius, ops.ones_like(radius))
        if training and self.augmentation:
            places = self._augmented(places)
        joined = ops.concatenate([places, features], axis=2) if self.features else places
        return ops.cast(joined, self.compute_dtype)

    def _augmented(self, places: Any) -> Any:
        each = (ops.shape(places)[0], 1, 1)
        if "rotation" in self.augmentation:
            most = math.radians(self.augmentation["rotation"])
            angle = keras.random.uniform(each, -most, most, dtype="float32", seed=self._seeds)
            places = _turned(places, angle, AXES.index(self.up))
        if "scaling" in self.augmentation:
            part = self.augmentation["scaling"]
            places = places * keras.random.uniform(each, 1 - part, 1 + part, dtype="float32", seed=self._seeds)
        if "jitter" in self.augmentation:
            deviation = self.augmentation["jitter"]
            places = places + keras.random.normal(ops.shape(places), 0.0, deviation, dtype="float32", seed=self._seeds)
        return places

    def compute_output_spec(self, tensor: Any, training: bool | None = None) -> Any:
        return keras.KerasTensor(tensor.shape, dtype=self.compute_dtype)

    def contract(self) -> dict[str, Any]:
        return {**super().contract(), "points": self.points, "sampling": self.sampling}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "points": self.points,
            "features": self.features,
            "sampling": self.sampling,
            "up": self.up,
            "augmentation": dict(self.augmentation),
        }


def _turned(places: Any, angle: Any, up: int) -> Any:
    """Turned about an axis by an angle in radians, `(batch, 1, 1)`."""
    first, second = (up + 1) % 3, (up + 2) % 3
    cosine, sine = ops.cos(angle)[:, :, 0], ops.sin(angle)[:, :, 0]
    columns = [places[:, :, axis] for axis in range(3)]
    one, other = columns[first], columns[second]
    columns[first], columns[second] = one * cosine - other * sine, one * sine + other * cosine
    return ops.stack(columns, axis=2)
