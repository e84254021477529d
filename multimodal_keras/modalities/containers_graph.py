"""What stands around the pixels in a picture file, checked in the graph: the twin of ``runtime/containers.py``.

Nothing is decoded before its header was checked, so whoever serves the SavedModel is protected against pictures that are
small as files and huge as pixels. Each function returns the bytes for TensorFlow's decoder.
"""

from __future__ import annotations

import tensorflow as tf

from multimodal_keras.runtime.containers import SEND
from multimodal_keras.runtime.image import MAX_SIDE

_HEAD = 64
_GIF_MARGIN = 2048
# One sub-block of GIF's pixels: "clear the table" and "colour 0", each in 3 bits, 340 times.
_GIF_BLOCK, _GIF_BLOCK_PIXELS = b"\xff" + b"\x04\x41\x10" * 85, 340
_WHOLE = "A picture must be complete. Send the whole file."


def require(condition: tf.Tensor, message: str, *values: tf.Tensor) -> tf.Operation:
    """Raise ``InvalidArgumentError`` with the message and the values, unless the condition holds."""
    return tf.debugging.Assert(condition, [message, *values], summarize=4)


def read_bytes(data: tf.Tensor, position: int | tf.Tensor, length: int) -> tf.Tensor:
    """``int32 (length,)`` from ``position``, zeros behind the end."""
    place = tf.minimum(position, tf.strings.length(data))
    part = tf.strings.substr(data, place, length) + tf.constant(b"\0" * length)
    return tf.cast(tf.io.decode_raw(tf.strings.substr(part, 0, length), tf.uint8), tf.int32)


def _length(data: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(data), tf.int64)


def _written(number: tf.Tensor, length: int) -> tf.Tensor:
    """An ``int32`` as bytes, lowest first."""
    letters = tf.constant([bytes([byte]) for byte in range(256)])
    places = [tf.bitwise.right_shift(number, 8 * place) % 256 for place in range(length)]
    return tf.strings.reduce_join(tf.gather(letters, tf.stack(places)))


def _little(head: tf.Tensor, position: int, length: int) -> tf.Tensor:
    """Unsigned ``int64`` of ``length`` bytes, lowest first."""
    part = tf.cast(head[position : position + length], tf.int64)
    return tf.reduce_sum(part * tf.constant([256**i for i in range(length)], tf.int64))


def check_size(height: tf.Tensor, width: tf.Tensor, max_pixels: int) -> tf.Operation:
    """Refuse sides and areas out of their range."""
    height, width = tf.cast(height, tf.int64), tf.cast(width, tf.int64)
    sides = (height >= 1) & (height <= MAX_SIDE) & (width >= 1) & (width <= MAX_SIDE)
    return require(
        sides & (height * width <= max_pixels),
        f"A picture must have 1 to {MAX_SIDE} pixels a side and at most {max_pixels} in all. "
        "Send a smaller one. Received width and height:",
        width,
        height,
    )


def open_png(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """libpng itself refuses the rest of what ``runtime/containers.py`` does."""
    head = read_bytes(data, 0, _HEAD)[::-1]  # big-endian: read backwards
    width, height = _little(head, _HEAD - 20, 4), _little(head, _HEAD - 24, 4)
    with tf.control_dependencies([check_size(height, width, max_pixels)]):
        return tf.identity(data)


def open_bmp(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """24 bits a pixel, or 8 with a grey palette, complete; what follows the pixels is cut off."""
    head = read_bytes(data, 0, _HEAD)
    header, width, height = _little(head, 14, 4), _little(head, 18, 4), _little(head, 22, 4)
    height = tf.where(height >= 2**31, 2**32 - height, height)  # negative: the rows go from top to bottom
    bits, compression = _little(head, 28, 2), _little(head, 30, 4)
    known = tf.reduce_any(header == tf.constant([40, 108, 124], tf.int64))
    palette = tf.reshape(read_bytes(data, 14 + tf.cast(tf.clip_by_value(header, 0, 124), tf.int32), 1024), [256, 4])
    grey = tf.reduce_all(palette[:, :3] == tf.range(256)[:, None]) & (bits == 8)
    grey &= (_little(head, 46, 4) == 0) | (_little(head, 46, 4) == 256)
    needed = 14 + header + tf.where(grey, tf.constant(1024, tf.int64), 0)
    offset = _little(head, 10, 4)
    accepted = require(
        known & (compression == 0) & ((bits == 24) | grey),
        "A BMP must have 24 bits a pixel, or 8 with a grey palette, without compression. "
        f"{SEND} Received bits and compression:",
        bits,
        compression,
    )
    end = offset + (bits * width + 31) // 32 * 4 * height
    complete = require(
        (offset >= needed) & (end <= _length(data)),
        f"{_WHOLE} Received a BMP that ends too early.",
    )
    with tf.control_dependencies([accepted, complete, check_size(height, width, max_pixels)]):
        return tf.strings.substr(data, 0, tf.cast(end, tf.int32))


def open_webp(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """A single picture whose chunks fill exactly the size that the file names, up to the end of its pixels.

    libwebp reads on into what follows if the pixels are damaged.
    """
    head = read_bytes(data, 0, _HEAD)
    kind = tf.strings.substr(tf.strings.substr(data, 0, 16) + tf.constant(b"\0" * 16), 12, 4)
    extended, lossless = kind == b"VP8X", kind == b"VP8L"
    bits = _little(head, 21, 4)
    plain_width, plain_height = _little(head, 26, 2) % 2**14, _little(head, 28, 2) % 2**14
    width = tf.where(extended, 1 + _little(head, 24, 3), tf.where(lossless, 1 + bits % 2**14, plain_width))
    height = tf.where(extended, 1 + _little(head, 27, 3), tf.where(lossless, 1 + bits // 2**14 % 2**14, plain_height))
    still = require(
        ~extended | (tf.bitwise.bitwise_and(head[20], 0xC3) == 0),
        f"A WebP must be a single picture. {SEND} Received an animation.",
    )
    end = 8 + _little(head, 4, 4)
    last, pixels_end = _webp_ends(data, end)
    complete = require((last == end) & (last <= _length(data)), f"{_WHOLE} Received a WebP that ends too early.")
    with tf.control_dependencies([still, complete, check_size(height, width, max_pixels)]):
        rest = tf.strings.substr(data, 8, tf.cast(pixels_end, tf.int32) - 8)
        return b"RIFF" + _written(tf.cast(pixels_end, tf.int32) - 8, 4) + rest


def _webp_ends(data: tf.Tensor, end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Where the last chunk before ``end`` ends, and where the first that holds pixels does."""

    def after(position: tf.Tensor, pixels_end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        place = tf.cast(position, tf.int32)
        size = _little(read_bytes(data, place + 4, 4), 0, 4)
        following = position + 8 + size + size % 2
        holds = tf.reduce_any(tf.strings.substr(data, place, 4) == tf.constant([b"VP8 ", b"VP8L"]))
        return following, tf.where(holds & (pixels_end == end), following, pixels_end)

    start = tf.constant(12, tf.int64)
    return tf.while_loop(lambda position, _: (position < end) & (position + 8 <= _length(data)), after, [start, end])


def _skip_blocks(padded: tf.Tensor, position: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    last = tf.while_loop(
        lambda place: (place < length) & (padded[place] > 0), lambda place: [place + 1 + padded[place]], [position]
    )[0]
    return last + 1


def _palette_bytes(flags: tf.Tensor) -> tf.Tensor:
    return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(2, flags % 8), 0)


def open_gif(data: tf.Tensor, max_pixels: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Up to the end of its first frame: TensorFlow would decode all of them and keep one.

    Returns:
        The bytes for the decoder, height and width. Behind the frame stands another one that is larger by one pixel:
        giflib hands over what it has when a frame is damaged, and the decoded picture is larger only if it got on.
    """
    head = read_bytes(data, 0, _HEAD)
    length = tf.strings.length(data)
    padded = tf.cast(tf.io.decode_raw(data + tf.constant(b"\0" * _GIF_MARGIN), tf.uint8), tf.int32)

    def extension(position: tf.Tensor, transparent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        transparent = tf.where(padded[position + 1] == 0xF9, padded[position + 3] % 2, transparent)
        return _skip_blocks(padded, position + 2, length), transparent

    position, transparent = tf.while_loop(
        lambda place, _: (place < length) & (padded[place] == 0x21), extension, [13 + _palette_bytes(head[10]), 0]
    )
    position = tf.minimum(position, length)
    frame, local = padded[position : position + 9], padded[position + 9]
    fills = tf.reduce_all(frame == tf.concat([[0x2C, 0, 0, 0, 0], head[6:10]], 0))
    opaque = require(
        fills & (transparent == 0) & ((head[10] >= 128) | (local >= 128)),
        "A GIF's first frame must have a palette, no transparent colour, and fill the picture. "
        f"{SEND} Received another one, or bytes that end too early.",
    )
    end = _skip_blocks(padded, tf.minimum(position + 11 + _palette_bytes(local), length), length)
    complete = require(end <= length, f"{_WHOLE} Received a GIF that ends too early.")
    width, height = (tf.cast(_little(head, place, 2), tf.int32) for place in (6, 8))
    with tf.control_dependencies([opaque, complete, check_size(height, width, max_pixels)]):
        return tf.strings.substr(data, 0, end) + _larger_frame(height, width) + ";", height, width


def _larger_frame(height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """A GIF frame of one line, longer by one pixel than the shorter side."""
    line = tf.minimum(height, width) + 1
    wide, high = tf.where(width <= height, line, 1), tf.where(width <= height, 1, line)
    blocks = tf.strings.reduce_join(tf.fill([line // _GIF_BLOCK_PIXELS + 1], tf.constant(_GIF_BLOCK)))
    return b",\0\0\0\0" + _written(wide, 2) + _written(high, 2) + b"\0\2" + blocks + b"\0"
