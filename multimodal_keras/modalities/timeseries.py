"""Time series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from multimodal_keras.base import FeatureSpec, Modality
from multimodal_keras.modalities.containers_graph import require
from multimodal_keras.registry import register
from multimodal_keras.runtime.series import KEEPS, cropped, read_series

AUGMENTATIONS = ("noise", "scaling", "shift")


@register
class TimeSeriesModality(Modality):
    """Measurements over time: accelerometers, temperatures, heart rates, prices; of any length, with gaps.

    A gap is NaN. The host half crops or fills up to `steps`; steps without a number at the end are padding, and are
    masked. The device half normalises each channel, and puts its mean, 0, into gaps.

    Args:
        steps: how many are kept; shorter series are padded on the right.
        channels: how many there are, or their names, by which a dict or a file's header is read; None to take the number
            from the records.
        keep: of a longer series, `"start"`, `"end"` or `"middle"`.
        missing_indicators: whether the features have, for each channel, another one that is 1 where it has a gap.
        augmentation: while training: `noise`, the deviation of what is added to each number, in units of its channel's;
            `scaling`, that of a factor around 1 for each channel; `shift`, up to how many steps are left out at the start.
        mean: of each channel, or one number for all; None to take it from the records, without the gaps.
        deviation: likewise, its standard deviation; 1 for a channel that never changes.
        **kwargs: `optional`, and Keras's own (`name`, `dtype`).

    Call arguments:
        tensor: `float32 (batch, steps, channels)`, NaN in gaps and in padding.
        training: whether to augment.

    Returns:
        `(features, step_mask)`: `(batch, steps, channels)`, twice as many with `missing_indicators`; `bool (batch, steps)`,
        true up to the last step that has a number.

    Raises:
        ValueError: for an argument out of its range, a record's value that is no such series, or an infinite number.

    Example:

    >>> import multimodal_keras as mk
    >>> series = mk.TimeSeriesModality(steps=4, channels=1, mean=2.0, deviation=1.0)
    >>> tensor, present = series.decode([[[1.0], [float("nan")], [5.0]]])
    >>> features, mask = series(tensor)
    >>> features[0, :, 0].numpy().tolist(), mask[0].numpy().tolist()
    ([-1.0, 0.0, 3.0, 0.0], [True, True, True, False])

    Reference:
        Che et al., Recurrent Neural Networks for Multivariate Time Series with Missing Values (arXiv:1606.01865), for
        the indicators.
    """

    kind = "timeseries"
    default_encoder = "TCNEncoder"
    file_suffixes = (".npy", ".csv")

    def __init__(
        self,
        steps: int = 128,
        channels: int | Sequence[str] | None = None,
        *,
        keep: str = "start",
        missing_indicators: bool = False,
        augmentation: Mapping[str, float] | None = None,
        mean: float | Sequence[float] | None = None,
        deviation: float | Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        # Not cast to float16 before it is normalised.
        super().__init__(**{"autocast": False, **kwargs})
        self.names = None if channels is None or isinstance(channels, int) else tuple(channels)
        self.channels = channels if channels is None or isinstance(channels, int) else len(channels)
        if steps < 1 or (self.channels is not None and self.channels < 1):
            raise ValueError(f"steps and channels are at least 1. Received {steps!r} and {channels!r}. Raise them.")
        if keep not in KEEPS:
            raise ValueError(f"keep is one of {', '.join(KEEPS)}. Received {keep!r}. Choose one of these.")
        self.steps = int(steps)
        self.keep = keep
        self.missing_indicators = bool(missing_indicators)
        self.augmentation = _checked_augmentation(augmentation or {}, self.steps)
        self.mean = _listed(mean)
        self.deviation = _listed(deviation)
        self._seeds = keras.random.SeedGenerator() if self.augmentation else None
        if self.channels is not None:
            self._spread()

    def _spread(self) -> None:
        """One number for all channels becomes one for each."""
        for name in ("mean", "deviation"):
            values = getattr(self, name)
            if values is not None and len(values) not in (1, self.channels):
                raise ValueError(
                    f"{name} has a number for each of the {self.channels} channels. Received {len(values)}. Pass as many, "
                    "or one for all."
                )
            if values is not None:
                setattr(self, name, values * (self.channels or 1) if len(values) == 1 else values)
        if self.deviation is not None and not all(value > 0 for value in self.deviation):
            raise ValueError(
                f"A deviation is above 0. Received {self.deviation}. Pass 1 for a channel that never changes."
            )

    @property
    def is_adapted(self) -> bool:
        return None not in (self.channels, self.mean, self.deviation)

    def _known(self) -> int:
        if self.channels is None:
            raise ValueError(
                f"{self.name} does not know its channels yet. Pass channels=..., call adapt, or build with adapt_to=records."
            )
        return self.channels

    def raw_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((None, self.channels), tf.float32)

    def tensor_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((self.steps, self._known()), tf.float32)

    def feature_spec(self) -> FeatureSpec:
        return FeatureSpec((self.steps, self._known() * (2 if self.missing_indicators else 1)), self.compute_dtype)

    def read(self, value: Any, folder: Path | None = None) -> np.ndarray | None:
        series = read_series(value, folder, self.channels, self.names)
        return None if series is None else cropped(series, self.steps, self.keep)

    @tf.autograph.experimental.do_not_convert
    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = tf.convert_to_tensor(raw, tf.float32)
        finite = require(
            tf.logical_not(tf.reduce_any(tf.math.is_inf(raw))),
            "A time series holds finite numbers, NaN where one is missing. Received infinity. Replace it.",
        )
        with tf.control_dependencies([finite]):
            # With one step more, so that there is one.
            raw = tf.pad(raw, [[0, 0], [0, 1], [0, 0]], constant_values=np.nan)
        measured = tf.reduce_any(tf.logical_not(tf.math.is_nan(raw)), axis=2)
        length = tf.reduce_max(tf.where(measured, tf.range(1, tf.shape(raw)[1] + 1), 0), axis=1)
        spare = tf.maximum(length - self.steps, 0)
        first = {"start": tf.zeros_like(spare), "end": spare, "middle": spare // 2}[self.keep]
        place = first[:, None] + tf.range(self.steps)
        inside = place < length[:, None]
        kept = tf.gather(raw, tf.where(inside, place, tf.shape(raw)[1] - 1), batch_dims=1)
        kept = tf.where(inside[:, :, None], kept, np.float32(np.nan))
        present = tf.logical_not(tf.reduce_all(tf.math.is_nan(kept), axis=[1, 2]))
        return tf.ensure_shape(kept, (None, self.steps, self._known())), present

    def adapt(self, values: Iterable[Any]) -> None:
        """Take the number of channels, and the mean and deviation of each, from series, gaps left out.

        Args:
            values: as `read` returns or takes them; one pass.

        Raises:
            ValueError: if there is none, or they differ in their channels.
        """
        sums = None
        for value in values:
            series = self.read(value)
            if series is None:
                continue
            self.channels = self.channels or series.shape[1]
            sums = _Sums(self.channels) if sums is None else sums
            sums.add(series)
        if sums is None:
            raise ValueError(
                "A time series learns from at least one record. Received none with a number. Check the field."
            )
        self.mean = sums.mean.tolist() if self.mean is None else self.mean
        self.deviation = sums.deviation().tolist() if self.deviation is None else self.deviation
        self._spread()

    def call(self, tensor: Any, training: bool | None = None) -> tuple[Any, Any]:
        if training and "shift" in self.augmentation:
            tensor = self._shifted(tensor)
        gap = ops.isnan(tensor)
        mask = _up_to_last(ops.logical_not(ops.all(gap, axis=2)))
        mean, deviation = (np.asarray(values, "float32") for values in (self.mean, self.deviation))
        # What stands in a gap is the mean before it is normalised, so that no gradient meets a NaN.
        values = (ops.where(gap, mean, tensor) - mean) / deviation
        if training:
            values = self._disturbed(values, gap)
        if self.missing_indicators:
            inside = ops.logical_and(gap, ops.expand_dims(mask, -1))
            values = ops.concatenate([values, ops.cast(inside, "float32")], axis=2)
        return ops.cast(values, self.compute_dtype), mask

    def _shifted(self, tensor: Any) -> Any:
        """The series from a later step on; at least its last one stays."""
        most = int(self.augmentation["shift"])
        length = ops.sum(ops.cast(_up_to_last(ops.logical_not(ops.all(ops.isnan(tensor), axis=2))), "int32"), axis=1)
        drawn = keras.random.randint(ops.shape(length), 0, most + 1, seed=self._seeds)
        first = ops.minimum(drawn, ops.maximum(length - 1, 0))
        place = ops.expand_dims(first, 1) + ops.arange(self.steps)
        moved = ops.take_along_axis(tensor, ops.expand_dims(ops.minimum(place, self.steps - 1), -1), axis=1)
        return ops.where(ops.expand_dims(place < self.steps, -1), moved, np.float32(np.nan))

    def _disturbed(self, values: Any, gap: Any) -> Any:
        shape = ops.shape(values)
        if "scaling" in self.augmentation:
            factors = keras.random.normal(
                (shape[0], 1, shape[2]), 1.0, self.augmentation["scaling"], dtype="float32", seed=self._seeds
            )
            values = values * factors
        if "noise" in self.augmentation:
            noise = keras.random.normal(shape, 0.0, self.augmentation["noise"], dtype="float32", seed=self._seeds)
            values = ops.where(gap, values, values + noise)
        return values

    def compute_output_spec(self, tensor: Any, training: bool | None = None) -> Any:
        features = keras.KerasTensor((tensor.shape[0], *self.feature_spec().shape), dtype=self.compute_dtype)
        return features, keras.KerasTensor(tensor.shape[:2], dtype="bool")

    def contract(self) -> dict[str, Any]:
        return {
            **super().contract(),
            "steps": self.steps,
            "keep": self.keep,
            "channels": None if self.names is None else list(self.names),
            "mean": self.mean,
            "deviation": self.deviation,
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "steps": self.steps,
            "channels": self.channels if self.names is None else list(self.names),
            "keep": self.keep,
            "missing_indicators": self.missing_indicators,
            "augmentation": dict(self.augmentation),
            "mean": self.mean,
            "deviation": self.deviation,
        }


class _Sums:
    """Mean and deviation of each channel in one pass, exact to float64 whatever the mean is (Chan et al., 1979)."""

    def __init__(self, channels: int) -> None:
        self.count, self.mean, self.squares = (np.zeros(channels) for _ in range(3))

    def add(self, series: np.ndarray) -> None:
        known = ~np.isnan(series)
        count = known.sum(axis=0)
        values = np.where(known, series, 0).astype(np.float64)
        mean = values.sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(known, values - mean, 0) ** 2).sum(axis=0)
        total = self.count + count
        apart = mean - self.mean
        self.mean = self.mean + apart * count / np.maximum(total, 1)
        self.squares = self.squares + squares + apart**2 * self.count * count / np.maximum(total, 1)
        self.count = total

    def deviation(self) -> np.ndarray:
        """1 for a channel that never changes, up to the rounding of float32."""
        deviation = np.sqrt(self.squares / np.maximum(self.count, 1))
        return np.where(deviation > 1e-6 * np.abs(self.mean), deviation, 1.0)


def _up_to_last(measured: Any) -> Any:
    """`bool (batch, steps)`: true up to the last step that is true."""
    steps = np.arange(measured.shape[1], dtype="int32")
    last = ops.max(ops.where(measured, steps, -1), axis=1, keepdims=True)
    return steps <= last


def _checked_augmentation(augmentation: Mapping[str, float], steps: int) -> dict[str, float]:
    unknown = sorted(augmentation.keys() - set(AUGMENTATIONS))
    if unknown or any(value < 0 for value in augmentation.values()) or augmentation.get("shift", 0) >= steps:
        raise ValueError(
            f"augmentation is a dict of {', '.join(AUGMENTATIONS)} to 0 or more, shift below {steps} steps. Received "
            f"{dict(augmentation)}. Correct it."
        )
    return {name: value for name, value in sorted(augmentation.items()) if value}


def _listed(values: float | Sequence[float] | None) -> list[float] | None:
    if values is None:
        return None
    return [float(value) for value in values] if isinstance(values, Sequence) else [float(values)]
