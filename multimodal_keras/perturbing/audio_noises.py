"""Noises of sound: hiss at a given signal-to-noise ratio, and a band of frequencies that is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from multimodal_keras.perturbing.noises import Noise, register_noise
from multimodal_keras.runtime.sound_files import wav_bytes
from multimodal_keras.runtime.wav import wav_header, wav_samples

_BEST_DECIBELS, _WORST_DECIBELS = 40.0, -10.0

Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def _hiss(samples: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    decibels = _BEST_DECIBELS + strength * (_WORST_DECIBELS - _BEST_DECIBELS)
    # Silence gets noise too: as loud as for a sound of a hundredth of the range.
    loudness = max(float(np.sqrt(np.mean(np.square(samples)))), 0.01)
    return samples + random.normal(0, loudness * 10 ** (-decibels / 20), samples.shape)


def _band_loss(samples: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(samples)
    width = round(strength * len(spectrum))
    start = int(random.integers(len(spectrum) - width + 1))
    spectrum[start : start + width] = 0
    return np.fft.irfft(spectrum, len(samples))


def _noise(name: str, strength: str, change: Change) -> Noise:
    def apply(raw: Any, force: float, random: np.random.Generator) -> bytes:
        header = wav_header(raw)
        samples = wav_samples(raw, header, 0, header.frames)
        # What is too loud is clipped, as a recorder would.
        return wav_bytes(np.clip(change(samples, force, random), -1, 1).astype("float32"), header.rate)

    return Noise(name, "audio", strength, apply)


register_noise(_noise("hiss", "the signal-to-noise ratio, from 40 down to -10 dB", _hiss))
register_noise(_noise("band_loss", "the share of frequencies that is lost, in one band", _band_loss))
