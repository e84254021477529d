"""Sounds to samples with numpy: the definition that ``modalities/audio_graph.py`` repeats in TensorFlow.

``docs/decoding.md`` has it in words. Both sides agree to 1e-6.
"""

from __future__ import annotations

import numpy as np

from multimodal_keras.runtime.resample import apply, needed, ratio_of, resampled_length
from multimodal_keras.runtime.sound_files import compressed_seconds, is_decoded_in_graph
from multimodal_keras.runtime.wav import TOO_LONG, Header, wav_header, wav_samples

CROPS = ("middle", "start")


def decode_sound(
    data: bytes, sampling_rate: int, samples: int, crop: str = "middle", max_seconds: float = 600.0
) -> np.ndarray:
    """Decode a WAV file: the mean of its channels, at another rate, cut or filled up to a length.

    Only what is kept is read and resampled: a long file costs no more than a short one.

    Args:
        data: the file's content; empty bytes give zeros: the sound is absent.
        sampling_rate: wanted, Hz.
        samples: wanted.
        crop: the part of a longer sound that is kept, `"middle"` or `"start"`. A shorter one is filled up with zeros at its
            end.
        max_seconds: longer ones are refused by their header.

    Returns:
        `float32 (samples,)` in [-1, 1].

    Raises:
        ValueError: if it is no WAV file of an accepted format, too long, cut short, or has samples that are not finite.
    """
    answer = np.zeros(samples, np.float32)
    if not data:
        return answer
    header = wav_header(data)
    if header.frames > max_seconds * header.rate:
        raise ValueError(f"{TOO_LONG} Received {header.frames / header.rate:.1f} seconds.")
    ratio = ratio_of(header.rate, sampling_rate)
    total = resampled_length(header.frames, header.rate, sampling_rate)
    first = max(total - samples, 0) // 2 if crop == "middle" else 0
    count = min(total, samples)
    if header.rate == sampling_rate:
        found = wav_samples(data, header, first, first + count)
    else:
        begin, length, _ = needed(ratio, first, count)
        found = apply(_source(data, header, begin, length), ratio, first, count)
    answer[:count] = np.clip(found, -1, 1)
    return answer


def _source(data: bytes, header: Header, begin: int, length: int) -> np.ndarray:
    """Samples of a file with the zeros around it."""
    source = np.zeros(length, np.float32)
    first, last = max(begin, 0), min(begin + length, header.frames)
    source[first - begin : last - begin] = wav_samples(data, header, first, last)
    return source


def sound_seconds(data: bytes, compressed: bool = False) -> int:
    """How long a sound is, in whole seconds, rounded up, by its header; `ValueError` if it cannot be read.

    Args:
        data: the file's content.
        compressed: whether FLAC, Ogg Vorbis and MP3 are taken beside WAV.
    """
    if compressed and is_decoded_in_graph(data):
        return compressed_seconds(data)
    header = wav_header(data)
    return -(-header.frames // header.rate)
