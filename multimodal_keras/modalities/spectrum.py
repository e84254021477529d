"""Waveforms to log-mel spectra and MFCC: librosa's definitions in LiteRT's built-in ops.

Everything is float32, also in a quantized file: a power spectrum spans ten decades, which eight bits cannot hold. So there
is no gather (frames are slices put side by side), and constant matrices are added to a zero that no converter can fold, as
converters quantize only what multiplies a constant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import tensorflow as tf

FEATURES = ("log_mel", "mfcc")
TOP_DB = 80.0
LEAST_POWER = 1e-10
_DELTA_REACH = 4  # librosa's width of 9


@dataclass(frozen=True)
class SpectrumOptions:
    """What a spectrum is made of; names and meanings are librosa's.

    Attributes:
        n_fft: samples of the Fourier transform, a power of two; None for the least that holds 25 ms.
        win_length: samples of the Hann window, in the middle of these; None for `n_fft`.
        hop_length: samples between frames; None for 10 ms.
        n_mels: mel bands.
        n_mfcc: cepstral coefficients, if features are `"mfcc"`; None for 20, or as many as there are bands.
        fmin: the lowest frequency, Hz.
        fmax: the highest, Hz; None for half of the sampling rate.
        htk: whether mel is HTK's, not Slaney's.
        deltas: how many time derivatives stand behind the features as more channels: 0, 1 or 2.
    """

    n_fft: int | None = None
    win_length: int | None = None
    hop_length: int | None = None
    n_mels: int = 64
    n_mfcc: int | None = None
    fmin: float = 0.0
    fmax: float | None = None
    htk: bool = False
    deltas: int = 0

    @classmethod
    def of(cls, given: Mapping[str, Any], sampling_rate: int, samples: int) -> SpectrumOptions:
        """Fill up what is not given, and check all of it.

        Raises:
            ValueError: for an unknown name, or a value out of range.
        """
        known = [field.name for field in fields(cls)]
        strangers = sorted(set(given) - set(known))
        if strangers:
            raise ValueError(
                f"spectrum has the options {', '.join(known)}. Received {', '.join(strangers)}. Rename these."
            )
        values = {**asdict(cls()), **given}
        values["n_fft"] = values["n_fft"] or 2 ** math.ceil(math.log2(sampling_rate / 40))
        values["win_length"] = values["win_length"] or values["n_fft"]
        values["hop_length"] = values["hop_length"] or max(1, sampling_rate // 100)
        values["n_mfcc"] = min(20, values["n_mels"]) if values["n_mfcc"] is None else values["n_mfcc"]
        values["fmax"] = sampling_rate / 2 if values["fmax"] is None else values["fmax"]
        options = cls(**values)
        options._check(sampling_rate, samples)
        return options

    def _check(self, sampling_rate: int, samples: int) -> None:
        window, hop = int(self.win_length or 0), int(self.hop_length or 0)
        rules = {
            "n_fft is a power of two, as LiteRT's transform needs it": self.n_fft
            and self.n_fft & (self.n_fft - 1) == 0,
            "win_length is 1 to n_fft": 1 <= window <= (self.n_fft or 0),
            "hop_length is at least 1": hop >= 1,
            "n_mels is at least 1": self.n_mels >= 1,
            "n_mfcc is 1 to n_mels": 1 <= (self.n_mfcc or 0) <= self.n_mels,
            "frequencies keep 0 <= fmin < fmax <= sampling_rate / 2": 0
            <= self.fmin
            < (self.fmax or 0)
            <= sampling_rate / 2,
            "deltas are 0, 1 or 2": self.deltas in (0, 1, 2),
            "deltas need nine frames: a longer clip, or a shorter hop_length": not self.deltas or samples // hop >= 8,
        }
        for rule, kept in rules.items():
            if not kept:
                raise ValueError(f"In spectrum, {rule}. Received {self} at {sampling_rate} Hz. Change one of these.")


def frames_of(samples: int, options: SpectrumOptions) -> int:
    """How many frames a waveform has; the first and the last stand at its ends."""
    return 1 + samples // int(options.hop_length or 1)


def hann(options: SpectrumOptions) -> np.ndarray:
    """The periodic Hann window in the middle of `n_fft` samples, `float32 (n_fft,)`."""
    length, window = int(options.n_fft or 0), int(options.win_length or 0)
    values = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    before = (length - window) // 2
    return np.pad(values, (before, length - window - before)).astype(np.float32)


def mel_filters(options: SpectrumOptions, sampling_rate: int) -> np.ndarray:
    """Triangles of equal area on the mel scale, `float32 (n_fft // 2 + 1, n_mels)`."""
    length = int(options.n_fft or 0)
    bins = np.linspace(0, sampling_rate / 2, length // 2 + 1)
    ends = _to_mel(np.array([options.fmin, options.fmax]), options.htk)
    edges = _to_hertz(np.linspace(ends[0], ends[1], options.n_mels + 2), options.htk)
    rising = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    area = 2 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rising, falling)) * area).astype(np.float32)


# Slaney's scale: linear up to 1,000 Hz, three mel for 200 Hz; logarithmic from there on, 27 mel for a factor of 6.4.
_KNEE, _LINEAR, _LOG = 1000.0, 200.0 / 3, math.log(6.4) / 27


def _to_mel(hertz: np.ndarray, htk: bool) -> np.ndarray:
    if htk:
        return 2595.0 * np.log10(1 + hertz / 700.0)
    high = _KNEE / _LINEAR + np.log(np.maximum(hertz, _KNEE) / _KNEE) / _LOG
    return np.where(hertz < _KNEE, hertz / _LINEAR, high)


def _to_hertz(mel: np.ndarray, htk: bool) -> np.ndarray:
    if htk:
        return 700.0 * (10.0 ** (mel / 2595.0) - 1)
    knee = _KNEE / _LINEAR
    return np.where(mel < knee, mel * _LINEAR, _KNEE * np.exp(_LOG * (np.maximum(mel, knee) - knee)))


def cosines(options: SpectrumOptions) -> np.ndarray:
    """The orthonormal DCT-II, `float32 (n_mels, n_mfcc)`."""
    bands, kept = options.n_mels, int(options.n_mfcc or 0)
    matrix = np.cos(np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(kept)) * math.sqrt(2 / bands)
    matrix[:, 0] = math.sqrt(1 / bands)
    return matrix.astype(np.float32)


def power_spectrum(waveform: tf.Tensor, options: SpectrumOptions) -> tf.Tensor:
    """`(batch, samples)` to `(batch, frames, n_fft // 2 + 1)`; zeros stand around the waveform."""
    length, hop = int(options.n_fft or 0), int(options.hop_length or 0)
    count, pieces = frames_of(waveform.shape[1], options), -(-length // hop)
    wanted = (count + pieces - 1) * hop
    before = length // 2
    after = max(wanted - waveform.shape[1] - before, 0)
    padded = tf.pad(waveform, [[0, 0], [before, after]])[:, :wanted]
    blocks = tf.reshape(padded, [-1, count + pieces - 1, hop])
    frames = tf.concat([blocks[:, piece : piece + count] for piece in range(pieces)], axis=-1)[:, :, :length]
    spectrum = tf.signal.rfft(frames * hann(options))
    return tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))


def decibels(power: tf.Tensor) -> tf.Tensor:
    """Not lower than 80 dB under the record's own loudest: a neighbour in the batch changes nothing."""
    loudness = (10 / math.log(10)) * tf.math.log(tf.maximum(power, LEAST_POWER))
    return tf.maximum(loudness, tf.reduce_max(loudness, axis=[1, 2], keepdims=True) - TOP_DB)


def product(tensor: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
    """A matrix product that stays float32 in a quantized file."""
    zero = tf.minimum(tf.abs(tensor[:1, :1, :1]), 0.0)[0]
    return tf.matmul(tensor, tf.constant(matrix) + zero)


def deltas(features: tf.Tensor, order: int) -> tf.Tensor:
    """librosa's `delta`: the slope, or curvature, of a polynomial through nine frames; the ends repeat the nearest.

    Args:
        features: `(batch, frames, channels)`.
        order: 1 or 2, the derivative, and the degree of the polynomial.
    """
    places = np.arange(-_DELTA_REACH, _DELTA_REACH + 1)
    taps = np.linalg.pinv(np.vander(places, order + 1, increasing=True))[order] * math.factorial(order)
    width, count = len(places), features.shape[1] - 2 * _DELTA_REACH
    inner = tf.add_n([float(taps[place]) * features[:, place : place + count] for place in range(width)])
    return tf.concat([*[inner[:, :1]] * _DELTA_REACH, inner, *[inner[:, -1:]] * _DELTA_REACH], axis=1)
