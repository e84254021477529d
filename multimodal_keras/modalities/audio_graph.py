"""Sounds to samples as TensorFlow ops: the same definition as ``runtime/audio.py``, for ``tf.data`` and SavedModels."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from multimodal_keras.modalities.compressed_graph import decompress, is_compressed, tensorflow_io
from multimodal_keras.modalities.containers_graph import require
from multimodal_keras.modalities.resample_graph import apply, needed, ratio_of
from multimodal_keras.modalities.wav_graph import wav_header, wav_samples
from multimodal_keras.runtime.wav import TOO_LONG

# From the first sample, and the one behind the last, to these: the mean of the channels.
Reader = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def decode_sound(
    data: tf.Tensor,
    sampling_rate: int,
    samples: int,
    crop: str = "middle",
    max_seconds: float = 600.0,
    compressed: bool = False,
) -> tf.Tensor:
    """Decode a sound; the twin of ``runtime.audio.decode_sound``.

    Args:
        data: `string ()`, the file's content; an empty one gives zeros.
        sampling_rate: wanted, Hz.
        samples: wanted.
        crop: the part of a longer sound that is kept, `"middle"` or `"start"`.
        max_seconds: longer ones are refused by their header.
        compressed: whether FLAC, Ogg Vorbis and MP3 are taken beside WAV.

    Returns:
        `float32 (samples,)` in [-1, 1].

    Raises:
        ValueError: for `compressed` without tensorflow-io.
        tf.errors.InvalidArgumentError: when it runs: it is no file of an accepted format, too long, cut short, or has
            samples that are not finite.
    """

    def kept(read: Reader, frames: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        found = tf.clip_by_value(_kept(read, frames, rate, sampling_rate, samples, crop), -1, 1)
        return tf.pad(found, [[0, samples - tf.shape(found)[0]]])

    def from_wav() -> tf.Tensor:
        header = wav_header(data)
        seconds = tf.cast(header.frames, tf.float64) / tf.cast(header.rate, tf.float64)
        short = tf.cast(header.frames, tf.float64) <= max_seconds * tf.cast(header.rate, tf.float64)
        with tf.control_dependencies([require(short, f"{TOO_LONG} Received seconds:", tf.cast(seconds, tf.int64))]):
            return kept(lambda low, high: wav_samples(data, header, low, high), header.frames, header.rate)

    def from_compressed() -> tf.Tensor:
        sound = decompress(data, max_seconds)
        frames = tf.shape(sound.samples, out_type=tf.int64)[0]
        return kept(lambda low, high: sound.samples[low:high], frames, sound.rate)

    def decode() -> tf.Tensor:
        return tf.cond(is_compressed(data), from_compressed, from_wav) if compressed else from_wav()

    found = tf.cond(tf.strings.length(data) > 0, decode, lambda: tf.zeros([samples]))
    return tf.ensure_shape(found, [samples])


def _kept(read: Reader, frames: tf.Tensor, rate: tf.Tensor, sampling_rate: int, samples: int, crop: str) -> tf.Tensor:
    """What is kept of a sound, at the wanted rate."""
    ratio = ratio_of(rate, sampling_rate)
    total = -(-frames * sampling_rate // rate)
    spare = tf.maximum(total - samples, 0)
    first = spare // 2 if crop == "middle" else tf.zeros_like(spare)
    count = tf.minimum(total, samples)

    def resampled() -> tf.Tensor:
        begin, length, rows = needed(ratio, first, count)
        low, high = tf.maximum(begin, 0), tf.minimum(begin + length, frames)
        source = tf.pad(read(low, high), [[low - begin, begin + length - high]])
        return apply(source, ratio, first, count, rows)

    return tf.cond(rate == sampling_rate, lambda: read(first, first + count), resampled)


def decode_sounds(
    batch: tf.Tensor,
    sampling_rate: int,
    samples: int,
    crop: str = "middle",
    max_seconds: float = 600.0,
    compressed: bool = False,
) -> tf.Tensor:
    """``decode_sound`` for each of a batch.

    Args:
        batch: `string (batch,)`.
        sampling_rate: as for ``decode_sound``.
        samples: likewise.
        crop: likewise.
        max_seconds: likewise.
        compressed: likewise.

    Returns:
        `float32 (batch, samples)` in [-1, 1].

    Raises:
        ValueError: as for ``decode_sound``.
        tf.errors.InvalidArgumentError: when it runs: likewise.
    """
    if compressed:
        tensorflow_io()
    return tf.map_fn(
        lambda data: decode_sound(data, sampling_rate, samples, crop, max_seconds, compressed),
        batch,
        fn_output_signature=tf.TensorSpec([samples], tf.float32),
    )
