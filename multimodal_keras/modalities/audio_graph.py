"""Sounds to samples as TensorFlow ops: the same definition as ``runtime/audio.py``, for ``tf.data`` and SavedModels."""

from __future__ import annotations

import tensorflow as tf

from multimodal_keras.modalities.containers_graph import require
from multimodal_keras.modalities.resample_graph import apply, needed, ratio_of
from multimodal_keras.modalities.wav_graph import Header, wav_header, wav_samples
from multimodal_keras.runtime.wav import TOO_LONG


def decode_sound(
    data: tf.Tensor, sampling_rate: int, samples: int, crop: str = "middle", max_seconds: float = 600.0
) -> tf.Tensor:
    """Decode a WAV file; the twin of ``runtime.audio.decode_sound``.

    Args:
        data: `string ()`, the file's content; an empty one gives zeros.
        sampling_rate: wanted, Hz.
        samples: wanted.
        crop: the part of a longer sound that is kept, `"middle"` or `"start"`.
        max_seconds: longer ones are refused by their header.

    Returns:
        `float32 (samples,)` in [-1, 1].

    Raises:
        tf.errors.InvalidArgumentError: when it runs: it is no WAV file of an accepted format, too long, cut short, or has
            samples that are not finite.
    """

    def decode() -> tf.Tensor:
        header = wav_header(data)
        seconds = tf.cast(header.frames, tf.float64) / tf.cast(header.rate, tf.float64)
        short = tf.cast(header.frames, tf.float64) <= max_seconds * tf.cast(header.rate, tf.float64)
        with tf.control_dependencies([require(short, f"{TOO_LONG} Received seconds:", tf.cast(seconds, tf.int64))]):
            found = _answer(data, header, sampling_rate, samples, crop)
        found = tf.clip_by_value(found, -1, 1)
        return tf.pad(found, [[0, samples - tf.shape(found)[0]]])

    found = tf.cond(tf.strings.length(data) > 0, decode, lambda: tf.zeros([samples]))
    return tf.ensure_shape(found, [samples])


def _answer(data: tf.Tensor, header: Header, sampling_rate: int, samples: int, crop: str) -> tf.Tensor:
    """What is kept of a sound, at the wanted rate."""
    ratio = ratio_of(header.rate, sampling_rate)
    total = -(-header.frames * sampling_rate // header.rate)
    spare = tf.maximum(total - samples, 0)
    first = spare // 2 if crop == "middle" else tf.zeros_like(spare)
    count = tf.minimum(total, samples)

    def resampled() -> tf.Tensor:
        begin, length, rows = needed(ratio, first, count)
        low, high = tf.maximum(begin, 0), tf.minimum(begin + length, header.frames)
        source = tf.pad(wav_samples(data, header, low, high), [[low - begin, begin + length - high]])
        return apply(source, ratio, first, count, rows)

    return tf.cond(header.rate == sampling_rate, lambda: wav_samples(data, header, first, first + count), resampled)


def decode_sounds(
    batch: tf.Tensor, sampling_rate: int, samples: int, crop: str = "middle", max_seconds: float = 600.0
) -> tf.Tensor:
    """``decode_sound`` for each of a batch.

    Args:
        batch: `string (batch,)`.
        sampling_rate: as for ``decode_sound``.
        samples: likewise.
        crop: likewise.
        max_seconds: likewise.

    Returns:
        `float32 (batch, samples)` in [-1, 1].

    Raises:
        tf.errors.InvalidArgumentError: when it runs: as for ``decode_sound``.
    """
    return tf.map_fn(
        lambda data: decode_sound(data, sampling_rate, samples, crop, max_seconds),
        batch,
        fn_output_signature=tf.TensorSpec([samples], tf.float32),
    )
