"""WAV files to samples as TensorFlow ops: the same definition as ``runtime/wav.py``.

`tf.audio.decode_wav` reads 16 bits only, and neither extensible headers nor sizes of streams.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from multimodal_keras.modalities.containers_graph import read_bytes, require
from multimodal_keras.runtime.wav import (
    CUT_SHORT,
    EXTENSIBLE,
    FLOAT,
    FORMATS,
    GUID_TAIL,
    MAX_CHANNELS,
    MAX_CHUNKS,
    MAX_RATE,
    NO_SAMPLES,
    NOT_FINITE,
    NOT_WAV,
    STREAMED,
    WRONG_FORMAT,
    WRONG_SHAPE,
)

_FORMAT_BYTES = 40


class Header(NamedTuple):
    """As in ``runtime/wav.py``, where `block` is a property; `int64 ()` each but `form`, which is `int32 ()`."""

    rate: tf.Tensor
    channels: tf.Tensor
    form: tf.Tensor
    start: tf.Tensor
    frames: tf.Tensor
    block: tf.Tensor


def wav_header(data: tf.Tensor) -> Header:
    """Read a WAV file's header.

    Args:
        data: `string ()`, the file's content.

    Raises:
        tf.errors.InvalidArgumentError: when it runs: it is no WAV file, of a format that is not accepted, or cut short.
    """
    head = read_bytes(data, 0, 12)
    is_wav = tf.reduce_all(tf.gather(head, [0, 1, 2, 3, 8, 9, 10, 11]) == tf.constant(list(b"RIFFWAVE")))
    known = require(is_wav, f"{NOT_WAV} Received a file that begins with the bytes:", head[:4])
    with tf.control_dependencies([known]):
        place, form_size, start, size = _chunks(data)
    found = require(
        start > 0, f"{CUT_SHORT} Received a WAV file without samples in its first chunks. The most:", MAX_CHUNKS
    )
    with tf.control_dependencies([found]):
        rate, channels, form, block = _format(data, place, form_size)
    rest = _length(data) - start
    size = tf.where(size >= STREAMED, rest, size)
    whole = require(size <= rest, f"{CUT_SHORT} Received bytes of samples, and its header's number:", rest, size)
    frames = size // tf.maximum(block, 1)
    some = require(frames >= 1, f"{NO_SAMPLES} Received bytes of samples:", size)
    with tf.control_dependencies([whole, some]):
        return Header(rate, channels, form, start, tf.identity(frames), block)


def _length(data: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(data), tf.int64)


def _little(head: tf.Tensor, position: int, length: int) -> tf.Tensor:
    part = tf.cast(head[position : position + length], tf.int64)
    return tf.reduce_sum(part * tf.constant([256**i for i in range(length)], tf.int64))


def _chunks(data: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Place and size of the first format chunk, place and size of the samples; 0 for a place that is not there."""
    length, nothing = _length(data), tf.constant(0, tf.int64)

    def goes_on(
        count: tf.Tensor, position: tf.Tensor, place: tf.Tensor, size: tf.Tensor, *found: tf.Tensor
    ) -> tf.Tensor:
        return (count < MAX_CHUNKS) & (found[0] == 0) & (position + 8 <= length)

    def step(
        count: tf.Tensor, position: tf.Tensor, place: tf.Tensor, size: tf.Tensor, *found: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        head = read_bytes(data, tf.cast(position, tf.int32), 8)
        here = _little(head, 4, 4)
        is_data = tf.reduce_all(head[:4] == tf.constant(list(b"data")))
        is_format = tf.reduce_all(head[:4] == tf.constant(list(b"fmt "))) & (place == 0)
        return (
            count + 1,
            position + 8 + here + here % 2,
            tf.where(is_format, position + 8, place),
            tf.where(is_format, here, size),
            tf.where(is_data, position + 8, found[0]),
            tf.where(is_data, here, found[1]),
        )

    start = [tf.constant(0), tf.constant(12, tf.int64), nothing, nothing, nothing, nothing]
    return tuple(tf.while_loop(goes_on, step, start)[2:])


def _format(data: tf.Tensor, place: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, ...]:
    there = require((place > 0) & (size >= 16), f"{WRONG_FORMAT} Received none in front of the samples.")
    with tf.control_dependencies([there]):
        head = read_bytes(data, tf.cast(place, tf.int32), _FORMAT_BYTES)
    tag, channels, rate = _little(head, 0, 2), _little(head, 2, 2), _little(head, 4, 4)
    block, bits = _little(head, 12, 2), _little(head, 14, 2)
    extended = (tag == EXTENSIBLE) & (size >= _FORMAT_BYTES)
    # A file that ends inside of this chunk has no samples, and was refused.
    extended &= tf.reduce_all(head[26:] == tf.constant(list(GUID_TAIL)))
    tag = tf.where(extended, _little(head, 24, 2), tag)
    matches = tf.reduce_all(tf.stack([tag, bits]) == tf.constant(FORMATS, tf.int64), axis=1)
    known = require(tf.reduce_any(matches), f"{WRONG_FORMAT} Received the format and bits:", tag, bits)
    right = (channels >= 1) & (channels <= MAX_CHANNELS) & (rate >= 1) & (rate <= MAX_RATE)
    shaped = require(
        right & (block == channels * bits // 8),
        f"{WRONG_SHAPE} Received channels, rate and bytes of a block:",
        channels,
        rate,
        block,
    )
    with tf.control_dependencies([known, shaped]):
        return rate, channels, tf.argmax(matches, output_type=tf.int32), block


def wav_samples(data: tf.Tensor, header: Header, first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Some of a file's samples, the mean of all channels.

    Args:
        data: `string ()`, the file's content.
        header: of it.
        first: `int64 ()`, the first sample.
        last: `int64 ()`, the one behind the last.

    Returns:
        `float32 (last - first,)` in [-1, 1].

    Raises:
        tf.errors.InvalidArgumentError: when it runs: one of them is not finite.
    """
    begin, length = header.start + first * header.block, (last - first) * header.block
    part = tf.strings.substr(data, tf.cast(begin, tf.int32), tf.cast(length, tf.int32))
    numbers = tf.switch_case(header.form, [_reader(part, *form) for form in FORMATS])
    return tf.reduce_mean(tf.reshape(numbers, tf.stack([last - first, header.channels])), axis=1)


def _reader(part: tf.Tensor, kind: int, bits: int) -> Callable[[], tf.Tensor]:
    def floats() -> tf.Tensor:
        numbers = tf.io.decode_raw(part, tf.float32 if bits == 32 else tf.float64)
        finite = tf.reduce_all(tf.math.is_finite(numbers))
        with tf.control_dependencies([require(finite, f"{NOT_FINITE} Received others.")]):
            return tf.cast(tf.clip_by_value(numbers, -1, 1), tf.float32)

    def whole() -> tf.Tensor:
        numbers = tf.cast(tf.io.decode_raw(part, {8: tf.uint8, 16: tf.int16, 32: tf.int32}[bits]), tf.float32)
        return (numbers - (128 if bits == 8 else 0)) / 2 ** (bits - 1)

    def three_bytes() -> tf.Tensor:
        low, middle, high = tf.unstack(tf.cast(tf.reshape(tf.io.decode_raw(part, tf.uint8), [-1, 3]), tf.int32), axis=1)
        return tf.cast(low + 256 * middle + 65536 * (high - 256 * (high // 128)), tf.float32) / 2**23

    return floats if kind == FLOAT else three_bytes if bits == 24 else whole
