"""FLAC, Ogg Vorbis and MP3 to samples in the graph, by the ops of tensorflow-io (extra `[io]`).

Its decoders allocate what a file decodes to at once, so the length is told from the file before they are called.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import tensorflow as tf

from multimodal_keras.modalities.containers_graph import read_bytes, require
from multimodal_keras.runtime.sound_files import WRONG_COMPRESSED
from multimodal_keras.runtime.wav import TOO_LONG

CUT = "A sound must be complete. Send the whole file."
_MAGIC = (b"fLaC", b"OggS", b"ID3")
_MP3_RATES, _MP3_PARTS = (44_100, 48_000, 32_000), (4, 1, 2, 1)
# What looks like the start of a frame inside of one: about once in 2**18 bytes.
_FALSE_STARTS = 1.02


class Sound(NamedTuple):
    """`rate` is `int64 ()`, in Hz; `samples` is `float32 (frames,)` in [-1, 1], the mean of all channels."""

    rate: tf.Tensor
    samples: tf.Tensor


def tensorflow_io() -> Any:
    """The package.

    Raises:
        ValueError: if it is not here, or does not load beside this TensorFlow.
    """
    try:
        found = importlib.import_module("tensorflow_io")
        found.audio.decode_flac  # noqa: B018 (loads the shared object)
    except (ImportError, AttributeError, NotImplementedError, tf.errors.NotFoundError) as error:
        raise ValueError(
            f"compressed=True decodes by tensorflow-io, which loads beside TensorFlow 2.16. Received {error}. Run: pip "
            "install 'multimodal-keras[io]', or leave compressed out: FLAC, Ogg and MP3 are then converted when records "
            "are read."
        ) from None
    return found


def is_compressed(data: tf.Tensor) -> tf.Tensor:
    """Whether a file, `string ()`, begins as one of the three formats does."""
    starts = [tf.strings.substr(data, 0, len(magic)) == magic for magic in _MAGIC]
    head = read_bytes(data, 0, 2)
    return tf.reduce_any(tf.stack([*starts, (head[0] == 0xFF) & (head[1] >= 0xE0)]))


def decompress(data: tf.Tensor, max_seconds: float) -> Sound:
    """Decode a file for which `is_compressed` holds.

    Args:
        data: `string ()`.
        max_seconds: longer ones are refused before they are decoded.

    Raises:
        ValueError: if tensorflow-io is not here.
        tf.errors.InvalidArgumentError: when it runs: the file is of another format inside, too long, cut short or damaged.
    """
    audio = tensorflow_io().audio
    kind = tf.cast(tf.stack([tf.strings.substr(data, 0, 4) == magic for magic in _MAGIC[:2]]), tf.int32)
    which = 2 - kind[1] - 2 * kind[0]
    readers = [_flac, _vorbis, _mp3]
    return Sound(*tf.switch_case(which, [lambda read=read: read(audio, data, max_seconds) for read in readers]))


def _mean(rate: tf.Tensor, samples: tf.Tensor, max_seconds: float) -> tuple[tf.Tensor, tf.Tensor]:
    some = require(tf.shape(samples)[0] > 0, f"{CUT} Received one without samples.")
    with tf.control_dependencies([some, _short(tf.shape(samples)[0], rate, max_seconds)]):
        return rate, tf.reduce_mean(tf.clip_by_value(samples, -1, 1), axis=1)


def _short(frames: tf.Tensor, rate: tf.Tensor, max_seconds: float) -> tf.Operation:
    seconds = tf.cast(frames, tf.float64) / tf.cast(tf.maximum(rate, 1), tf.float64)
    return require(seconds <= max_seconds, f"{TOO_LONG} Received seconds:", tf.cast(seconds, tf.int64))


def _little(head: tf.Tensor, length: int) -> tf.Tensor:
    """`int64 ()` of so many bytes, lowest first."""
    return tf.reduce_sum(tf.cast(head, tf.int64) * tf.constant([256**place for place in range(length)], tf.int64))


def _flac(audio: Any, data: tf.Tensor, max_seconds: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The stream information: 20 bits of rate, 3 of channels, 5 of bits, 36 of samples."""
    facts = _little(read_bytes(data, 18, 7)[::-1], 7)
    last = tf.cast(read_bytes(data, 25, 1)[0], tf.int64)
    rate, bits = facts // 2**36, facts // 2**28 % 32 + 1
    frames = (facts % 2**28) * 256 + last
    known = require((bits == 16) | (bits == 24), f"{WRONG_COMPRESSED} Received FLAC with bits:", bits)
    told = require((frames > 0) & (rate > 0), f"{CUT} Received FLAC that does not tell its length.")
    with tf.control_dependencies([known, told, _short(frames, rate, max_seconds)]):
        data = tf.identity(data)

    def read(dtype: tf.DType) -> tf.Tensor:
        # Whole numbers fill their type from above.
        return tf.cast(audio.decode_flac(data, dtype=dtype), tf.float32) / (-1.0 * dtype.min)

    return _mean(rate, tf.cond(bits == 16, lambda: read(tf.int16), lambda: read(tf.int32)), max_seconds)


def _vorbis(audio: Any, data: tf.Tensor, max_seconds: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The first page's packet tells the rate, the positions of all pages the length."""
    packet = read_bytes(data, 27 + read_bytes(data, 26, 1)[0], 16)
    rate = _little(packet[12:16], 4)
    is_vorbis = tf.reduce_all(packet[:7] == tf.constant([1, *b"vorbis"])) & (rate > 0)
    known = require(is_vorbis, f"{WRONG_COMPRESSED} Received Ogg with another sound in it.")
    with tf.control_dependencies([known, _short(_last_position(data), rate, max_seconds)]):
        return _mean(rate, audio.decode_vorbis(tf.identity(data)), max_seconds)


def _last_position(data: tf.Tensor) -> tf.Tensor:
    """The greatest of all pages of an Ogg file, whatever stands behind its last one, in samples."""
    numbers = tf.io.decode_raw(data, tf.uint8)
    count = tf.shape(numbers)[0]
    alike = [numbers[place : count - 3 + place] == letter for place, letter in enumerate(b"OggS")]
    starts = tf.cast(tf.where(tf.reduce_all(tf.stack(alike), axis=0)), tf.int32)
    bytes_ = tf.cast(tf.gather(numbers, tf.minimum(starts + tf.range(6, 14), count - 1)), tf.int64)
    # Seven bytes are more than enough; eight times 255 stands for no position.
    positions = tf.reduce_sum(bytes_ * tf.constant([256**place for place in range(7)] + [0], tf.int64), axis=1)
    positions = tf.where(bytes_[:, 7] > 0, tf.constant(2**56, tf.int64), positions)
    return tf.reduce_max(tf.where(tf.reduce_all(bytes_ == 255, axis=1), tf.zeros_like(positions), positions))


def _mp3(audio: Any, data: tf.Tensor, max_seconds: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The first frame tells the rate; the decoder goes on with frames that look like it, so these are counted."""
    tag = read_bytes(data, 0, 10)
    size = tf.reduce_sum(tag[6:] * tf.constant([2**21, 2**14, 2**7, 1]))
    place = tf.where(tf.strings.substr(data, 0, 3) == b"ID3", 10 + size, 0)
    head = read_bytes(data, place, 4)
    version, layer, index = head[1] // 8 % 4, head[1] // 2 % 4, head[2] // 4 % 4
    right = (head[0] == 0xFF) & (head[1] >= 0xE0) & (version != 1) & (layer == 1) & (index != 3)
    known = require(right, f"{WRONG_COMPRESSED} Received a file whose first frame begins with the bytes:", head)
    rates = [[rate // part for rate in _MP3_RATES] for part in _MP3_PARTS]
    rate = tf.constant(rates, tf.int64)[version, tf.minimum(index, 2)]
    numbers = tf.cast(tf.io.decode_raw(data, tf.uint8), tf.int32)
    alike = (numbers[:-2] == 0xFF) & (numbers[1:-1] // 2 == head[1] // 2) & (numbers[2:] // 4 % 4 == index)
    frames = tf.math.count_nonzero(alike) * tf.where(version == 3, tf.constant(1152, tf.int64), 576)
    with tf.control_dependencies([known, _short(frames, rate, _FALSE_STARTS * max_seconds + 1)]):
        return _mean(rate, audio.decode_mp3(tf.identity(data)), max_seconds)
