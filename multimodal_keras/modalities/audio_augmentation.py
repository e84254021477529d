"""What is done to sounds while training: to each record by draws of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True)
class AudioAugmentation:
    """Options of the augmentation; each is off at its default.

    Attributes:
        snr_db: white noise is added, between these two signal-to-noise ratios in dB; None for none.
        shift_seconds: the sound moves by up to this, both ways; zeros move in.
        gain_db: it becomes louder or softer by up to this.
        time_masks: how many stretches of frames are blanked (SpecAugment).
        time_mask_frames: up to how many frames each is long.
        frequency_masks: how many ranges of mel bands are blanked.
        frequency_mask_bands: up to how many bands each is wide.
        seed: of all draws; None for another one each time.
    """

    snr_db: Sequence[float] | None = None
    shift_seconds: float = 0.0
    gain_db: float = 0.0
    time_masks: int = 0
    time_mask_frames: int = 20
    frequency_masks: int = 0
    frequency_mask_bands: int = 8
    seed: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> AudioAugmentation:
        """Check what is given.

        Raises:
            ValueError: for an unknown name, or a value out of range.
        """
        known = [field.name for field in fields(cls)]
        strangers = sorted(set(given) - set(known))
        if strangers:
            raise ValueError(
                f"augmentation has the options {', '.join(known)}. Received {', '.join(strangers)}. Rename these."
            )
        options = cls(**given)
        ratios = options.snr_db
        numbers = [value for name, value in asdict(options).items() if name not in ("snr_db", "seed")]
        if min(numbers) < 0 or (ratios is not None and (len(ratios) != 2 or ratios[0] > ratios[1])):
            raise ValueError(
                f"augmentation's numbers are at least 0, and snr_db is (lowest, highest). Received {options}. Change these."
            )
        return options

    def config(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "snr_db": None if self.snr_db is None else [float(ratio) for ratio in self.snr_db]}


class Augmenter:
    """Draws and applies.

    Args:
        options: what to do.
        sampling_rate: Hz.
    """

    def __init__(self, options: AudioAugmentation, sampling_rate: int) -> None:
        self.options = options
        self._most_shift = int(options.shift_seconds * sampling_rate)
        self.seeds = keras.random.SeedGenerator(options.seed)

    def _uniform(self, shape: Sequence[Any], low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        return keras.random.uniform(shape, low, high, dtype="float32", seed=self.seeds)

    def shifted(self, waveform: tf.Tensor) -> tf.Tensor:
        """Moved in time, `(batch, samples)`."""
        most = self._most_shift
        if not most:
            return waveform
        batch, samples = tf.shape(waveform)[0], waveform.shape[1]
        start = tf.cast(self._uniform([batch, 1], 0.0, 2 * most + 1), tf.int32)
        padded = tf.pad(waveform, [[0, 0], [most, most]])
        return tf.gather(padded, start + tf.range(samples), batch_dims=1)

    def louder_and_noisy(self, waveform: tf.Tensor) -> tf.Tensor:
        """With gain and noise, `(batch, samples)` in [-1, 1]."""
        batch = tf.shape(waveform)[0]
        if self.options.gain_db:
            gain = self._uniform([batch, 1], -self.options.gain_db, self.options.gain_db)
            waveform *= 10.0 ** (gain / 20)
        if self.options.snr_db is not None:
            ratio = self._uniform([batch, 1], *map(float, self.options.snr_db))
            loudness = tf.sqrt(tf.reduce_mean(tf.square(waveform), axis=1, keepdims=True))
            noise = keras.random.normal([batch, waveform.shape[1]], dtype="float32", seed=self.seeds)
            waveform += noise * loudness * 10.0 ** (-ratio / 20)
        return tf.clip_by_value(waveform, -1, 1)

    def masked(self, bands: tf.Tensor) -> tf.Tensor:
        """With stretches of time and ranges of bands at the record's own mean, `(batch, frames, bands)`."""
        options = self.options
        hidden = tf.zeros_like(bands, tf.bool)
        for _ in range(options.time_masks):
            hidden |= self._range(bands, bands.shape[1], options.time_mask_frames)[:, :, None]
        for _ in range(options.frequency_masks):
            hidden |= self._range(bands, bands.shape[2], options.frequency_mask_bands)[:, None, :]
        return tf.where(hidden, tf.reduce_mean(bands, axis=[1, 2], keepdims=True), bands)

    def _range(self, bands: tf.Tensor, size: int, most: int) -> tf.Tensor:
        """A range of up to `most` places, `bool (batch, size)`."""
        batch = tf.shape(bands)[0]
        width = self._uniform([batch, 1], 0.0, min(most, size) + 1) // 1
        start = self._uniform([batch, 1]) * (size - width)
        place = tf.range(size, dtype=tf.float32)
        return (place >= start // 1) & (place < start // 1 + width)
