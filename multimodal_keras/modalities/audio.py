"""Sounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from multimodal_keras.base import FeatureSpec, Modality
from multimodal_keras.modalities.audio_augmentation import AudioAugmentation, Augmenter
from multimodal_keras.modalities.audio_graph import decode_sounds
from multimodal_keras.modalities.spectrum import (
    FEATURES,
    SpectrumOptions,
    cosines,
    decibels,
    deltas,
    frames_of,
    mel_filters,
    power_spectrum,
    product,
)
from multimodal_keras.registry import register
from multimodal_keras.runtime.audio import CROPS
from multimodal_keras.runtime.sound_files import read_audio

ADAPT, RECORD = "adapt", "record"
_LEAST_DEVIATION = 1e-3
_BATCH = 32


@register
class AudioModality(Modality):
    """Sounds: WAV bytes in, frames of a log-mel spectrum or of MFCC out.

    The host half reads WAV (PCM of 8, 16, 24 or 32 bits, floats of 32 or 64), mixes the channels, resamples, and cuts or
    fills up to one length (`docs/decoding.md` defines it). The device half computes the spectrum inside the model, with
    librosa's numbers, in float32 whatever the model's precision, so that an app sends samples and no spectrum.

    Args:
        sampling_rate: of the samples that the model takes, Hz.
        clip_seconds: their length.
        crop: which part of a longer sound is kept, `"middle"` or `"start"`.
        features: `"log_mel"` or `"mfcc"`.
        spectrum: librosa's options by name: `n_fft`, `win_length`, `hop_length`, `n_mels`, `n_mfcc`, `fmin`, `fmax`, `htk`,
            and `deltas` (0, 1 or 2 time derivatives). By default a window of at least 25 ms each 10 ms, and 64 bands.
        normalization: `"adapt"`, by mean and deviation of each channel over training records; `"record"`, over the
            record's own frames; None for decibels as they are; or a dict of the lists `mean` and `deviation`.
        augmentation: while training only, by name: `snr_db`, `shift_seconds`, `gain_db`, `time_masks`, `time_mask_frames`,
            `frequency_masks`, `frequency_mask_bands`, `seed`.
        max_seconds: longer sounds are refused by their header.
        compressed: whether clients may send FLAC, Ogg Vorbis and MP3 as well, which tensorflow-io (extra `[io]`) decodes in
            the graph: who loads the SavedModel needs it too, and TensorFlow Serving has none. Without it they are
            converted to WAV when records are read.
        **kwargs: `optional`, and Keras's own (`name`, `dtype`).

    Call arguments:
        tensor: `float32 (batch, samples)`, PCM in [-1, 1].
        training: whether to augment.

    Returns:
        `(batch, frames, channels)`, and a `bool` mask `(batch, frames)`, false behind the last sample that is not zero: what
        fills up a short clip does not count. One frame always does.

    Raises:
        ValueError: for an unknown option or one out of range, or a record's value that is no sound.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> audio = mk.AudioModality(sampling_rate=8000, clip_seconds=1.0, normalization="record")
    >>> raw = audio.read((np.sin(np.arange(44100) / 20).astype("float32"), 44100))
    >>> frames, mask = audio(audio.decode([raw])[0])
    >>> frames.shape, int(mask.numpy().sum())  # the last frame's centre is behind the last sample
    (TensorShape([1, 101, 64]), 100)

    Reference:
        Davis and Mermelstein, Comparison of Parametric Representations for Monosyllabic Word Recognition, IEEE TASSP 28
        (1980); McFee et al., librosa (SciPy 2015); Park et al., SpecAugment (arXiv:1904.08779).
    """

    kind = "audio"
    default_encoder = "Conv2DEncoder"
    file_suffixes = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".au")

    # Two more than seven: these are librosa's own choices, grouped already.
    def __init__(
        self,
        sampling_rate: int = 16_000,
        clip_seconds: float = 1.0,
        *,
        crop: str = "middle",
        features: str = "log_mel",
        spectrum: Mapping[str, Any] | None = None,
        normalization: str | Mapping[str, Any] | None = ADAPT,
        augmentation: Mapping[str, Any] | None = None,
        max_seconds: float = 600.0,
        compressed: bool = False,
        **kwargs: Any,
    ) -> None:
        # Keras would hand over samples of 11 bits under mixed precision.
        super().__init__(**{**kwargs, "autocast": False})
        self.sampling_rate, self.clip_seconds = int(sampling_rate), float(clip_seconds)
        self.samples = round(self.sampling_rate * self.clip_seconds)
        self.crop, self.features, self.max_seconds = crop, features, float(max_seconds)
        self.compressed = bool(compressed)
        self._check()
        self.spectrum = SpectrumOptions.of(spectrum or {}, self.sampling_rate, self.samples)
        self.normalization = _checked(normalization, self.channels)
        self._augmenter = Augmenter(AudioAugmentation.of(augmentation or {}), self.sampling_rate)
        # The generator's state is a variable, and Keras tracks what is an attribute.
        self._seeds = self._augmenter.seeds
        self._filters = mel_filters(self.spectrum, self.sampling_rate)

    def _check(self) -> None:
        if self.samples < 1 or self.sampling_rate < 1 or self.max_seconds <= 0:
            raise ValueError(
                "sampling_rate, clip_seconds and max_seconds are positive. Received "
                f"{self.sampling_rate}, {self.clip_seconds} and {self.max_seconds}. Raise them."
            )
        for name, value, known in (("crop", self.crop, CROPS), ("features", self.features, FEATURES)):
            if value not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}. Received {value!r}. Choose one of these.")

    @property
    def channels(self) -> int:
        """How many numbers a frame has."""
        basic = int(self.spectrum.n_mfcc or 0) if self.features == "mfcc" else self.spectrum.n_mels
        return basic * (1 + self.spectrum.deltas)

    def tensor_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((self.samples,), tf.float32)

    def feature_spec(self) -> FeatureSpec:
        return FeatureSpec((frames_of(self.samples, self.spectrum), self.channels), self.compute_dtype)

    def read(self, value: Any, folder: Path | None = None) -> bytes:
        return read_audio(value, folder, compressed=self.compressed)

    @tf.autograph.experimental.do_not_convert
    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = tf.convert_to_tensor(raw, tf.string)
        wanted = self.sampling_rate, self.samples, self.crop, self.max_seconds, self.compressed
        tensor = decode_sounds(raw, *wanted)
        return tensor, tf.strings.length(raw) > 0

    def adapt(self, values: Iterable[bytes]) -> None:
        """Learn mean and deviation of each channel over the frames that count."""
        sums = np.zeros((3, self.channels))
        run = tf.function(lambda raw: self._frames(self.decode(raw)[0], training=False))
        sounds = [value for value in values if value]
        for start in range(0, len(sounds), _BATCH):
            frames, mask = (part.numpy() for part in run(tf.constant(sounds[start : start + _BATCH])))
            kept = frames[mask].astype(np.float64)
            sums += [np.full(self.channels, len(kept)), kept.sum(0), (kept**2).sum(0)]
        if not sounds:
            raise ValueError("normalization='adapt' needs at least one sound. Received none. Pass normalization=None.")
        mean = sums[1] / sums[0]
        deviation = np.sqrt(np.maximum(sums[2] / sums[0] - mean**2, 0))
        self.normalization = _checked({"mean": mean.tolist(), "deviation": deviation.tolist()}, self.channels)

    @property
    def is_adapted(self) -> bool:
        return self.normalization != ADAPT

    def call(self, tensor: Any, training: bool | None = None) -> Any:
        if not self.is_adapted:
            raise ValueError(
                "normalization='adapt' has to learn first. Received no records. Call adapt, or choose None."
            )
        frames, mask = self._frames(tf.cast(tensor, tf.float32), bool(training))
        return tf.cast(self._normalized(frames, mask), self.compute_dtype), mask

    def _frames(self, waveform: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """Features in decibels and their mask."""
        if training:
            waveform = self._augmenter.shifted(waveform)
        mask = self._mask(waveform)
        if training:
            waveform = self._augmenter.louder_and_noisy(waveform)
        bands = decibels(product(power_spectrum(waveform, self.spectrum), self._filters))
        if training:
            bands = self._augmenter.masked(bands)
        basic = product(bands, cosines(self.spectrum)) if self.features == "mfcc" else bands
        more = [deltas(basic, order) for order in range(1, self.spectrum.deltas + 1)]
        return tf.concat([basic, *more], axis=-1) if more else basic, mask

    def _mask(self, waveform: tf.Tensor) -> tf.Tensor:
        number = tf.range(1, self.samples + 1, dtype=tf.float32)
        length = tf.reduce_max(tf.where(waveform != 0, number, 0.0), axis=1, keepdims=True)
        place = tf.range(frames_of(self.samples, self.spectrum), dtype=tf.float32) * float(
            self.spectrum.hop_length or 1
        )
        return place < tf.maximum(length, 1.0)

    def _normalized(self, frames: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        if self.normalization is None:
            return frames
        if isinstance(self.normalization, dict):
            return (frames - np.float32(self.normalization["mean"])) / np.float32(self.normalization["deviation"])
        counted = tf.cast(mask, tf.float32)[:, :, None]
        counted /= tf.reduce_sum(counted, axis=1, keepdims=True)
        mean = tf.reduce_sum(frames * counted, axis=1, keepdims=True)
        variance = tf.reduce_sum(tf.square(frames - mean) * counted, axis=1, keepdims=True)
        return (frames - mean) / tf.maximum(tf.sqrt(variance), _LEAST_DEVIATION)

    def compute_output_spec(self, tensor: Any, training: bool | None = None) -> Any:
        shape = (tensor.shape[0], frames_of(self.samples, self.spectrum), self.channels)
        return keras.KerasTensor(shape, dtype=self.compute_dtype), keras.KerasTensor(shape[:2], dtype="bool")

    def contract(self) -> dict[str, Any]:
        return {
            **super().contract(),
            "sampling_rate": self.sampling_rate,
            "samples": self.samples,
            "crop": self.crop,
            "max_seconds": self.max_seconds,
            "range": [-1.0, 1.0],
            **({"compressed": True} if self.compressed else {}),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sampling_rate": self.sampling_rate,
            "clip_seconds": self.clip_seconds,
            "crop": self.crop,
            "features": self.features,
            "spectrum": asdict(self.spectrum),
            "normalization": self.normalization,
            "augmentation": self._augmenter.options.config(),
            "max_seconds": self.max_seconds,
            "compressed": self.compressed,
        }


def _checked(normalization: Any, channels: int) -> Any:
    if isinstance(normalization, Mapping) and set(normalization) == {"mean", "deviation"}:
        found = {name: [float(value) for value in normalization[name]] for name in ("mean", "deviation")}
        found["deviation"] = [max(value, _LEAST_DEVIATION) for value in found["deviation"]]
        if len(found["mean"]) == len(found["deviation"]) == channels:
            return found
    elif normalization in (ADAPT, RECORD, None):
        return normalization
    raise ValueError(
        f"normalization is 'adapt', 'record', None, or a dict of mean and deviation with {channels} numbers each. Received "
        f"{normalization!r}. Choose one of these."
    )
