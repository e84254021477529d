"""Pictures to pixels as TensorFlow ops: the same definition as ``runtime/image.py``, for ``tf.data`` and SavedModels.

The header is checked inside the graph before anything is decoded, so whoever serves the SavedModel is protected
against pictures that are small as files and huge as pixels. Everything behind TensorFlow's decoders is integer
arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from multimodal_keras.modalities.resize_graph import block_factor, resize_pixels, used_region
from multimodal_keras.runtime.image import LARGE_JPEG, MAX_PIXELS, MAX_SIDE
from multimodal_keras.runtime.resize import check_picture_request

# TensorFlow decodes WebP since the release that brought this function.
HAS_WEBP = hasattr(tf.io, "decode_webp")

_SEND = "Send JPEG, PNG, opaque GIF, 24-bit BMP or WebP."
_HEAD = 64
_GIF_MARGIN = 2048


def _require(condition: tf.Tensor, message: str, *values: tf.Tensor) -> tf.Operation:
    return tf.debugging.Assert(condition, [message, *values], summarize=4)


def _bytes(data: tf.Tensor, position: int | tf.Tensor, length: int) -> tf.Tensor:
    """``int32 (length,)`` from ``position``, zeros behind the end."""
    place = tf.minimum(position, tf.strings.length(data))
    part = tf.strings.substr(data, place, length) + tf.constant(b"\0" * length)
    return tf.cast(tf.io.decode_raw(tf.strings.substr(part, 0, length), tf.uint8), tf.int32)


def _little(head: tf.Tensor, position: int, length: int) -> tf.Tensor:
    """Unsigned ``int64`` of ``length`` bytes, lowest first."""
    part = tf.cast(head[position : position + length], tf.int64)
    return tf.reduce_sum(part * tf.constant([256**i for i in range(length)], tf.int64))


def _check_size(height: tf.Tensor, width: tf.Tensor, max_pixels: int) -> tf.Operation:
    height, width = tf.cast(height, tf.int64), tf.cast(width, tf.int64)
    sides = (height >= 1) & (height <= MAX_SIDE) & (width >= 1) & (width <= MAX_SIDE)
    return _require(
        sides & (height * width <= max_pixels),
        f"A picture must have 1 to {MAX_SIDE} pixels a side and at most {max_pixels} in all. "
        "Send a smaller one. Received width and height:",
        width,
        height,
    )


def _white(pixels: tf.Tensor) -> tf.Tensor:
    """RGBA on white. In uint16: ``(x + 1 + (x >> 8)) >> 8`` is ``x // 255`` for all x below 65535."""
    values = tf.cast(pixels, tf.uint16)
    alpha, full = values[..., 3:], tf.constant(255, tf.uint16)
    mixed = values[..., :3] * alpha + (full - alpha) * full + tf.constant(127, tf.uint16)
    shift = tf.constant(8, tf.uint16)
    mixed = mixed + tf.constant(1, tf.uint16) + tf.bitwise.right_shift(mixed, shift)
    return tf.cast(tf.bitwise.right_shift(mixed, shift), tf.uint8)


def _decode_image(data: tf.Tensor) -> tf.Tensor:
    """Anything but JPEG, as RGB."""
    pixels = tf.io.decode_image(data, channels=0, expand_animations=False)
    branches = [
        lambda: tf.repeat(pixels[..., :1], 3, axis=2),
        lambda: _white(tf.gather(pixels, [0, 0, 0, 1], axis=2)),
        lambda: pixels,
        lambda: _white(pixels),
    ]
    return tf.switch_case(tf.shape(pixels)[2] - 1, branches)


def _jpeg(data: tf.Tensor, size: tuple[int, int], resize: str, max_pixels: int) -> tf.Tensor:
    shape = tf.cast(tf.image.extract_jpeg_shape(data), tf.int64)
    height, width = shape[0], shape[1]
    with tf.control_dependencies([_check_size(height, width, max_pixels)]):
        factor = block_factor(used_region(height, width, size, resize))
    factor = tf.where(height * width > LARGE_JPEG, factor, 1)
    step = sum(tf.cast(factor >= ratio, tf.int32) for ratio in (2, 4, 8))

    def decode(ratio: int) -> Callable[[], tf.Tensor]:
        return lambda: tf.io.decode_jpeg(data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    return tf.switch_case(step, [decode(ratio) for ratio in (1, 2, 4, 8)])


def _png(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    head = _bytes(data, 0, _HEAD)[::-1]  # big-endian: read backwards
    width, height = _little(head, _HEAD - 20, 4), _little(head, _HEAD - 24, 4)
    with tf.control_dependencies([_check_size(height, width, max_pixels)]):
        return _decode_image(tf.identity(data))


def _bmp(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    head = _bytes(data, 0, _HEAD)
    header, width, height = _little(head, 14, 4), _little(head, 18, 4), _little(head, 22, 4)
    height = tf.where(height >= 2**31, 2**32 - height, height)  # negative: the rows go from top to bottom
    bits, compression = _little(head, 28, 2), _little(head, 30, 4)
    known = tf.reduce_any(header == tf.constant([40, 108, 124], tf.int64))
    palette = tf.reshape(_bytes(data, 14 + tf.cast(tf.clip_by_value(header, 0, 124), tf.int32), 1024), [256, 4])
    grey = tf.reduce_all(palette[:, :3] == tf.range(256)[:, None]) & (bits == 8)
    grey &= (_little(head, 46, 4) == 0) | (_little(head, 46, 4) == 256)
    needed = 14 + header + tf.where(grey, tf.constant(1024, tf.int64), 0)
    offset = _little(head, 10, 4)
    accepted = _require(
        known & (compression == 0) & ((bits == 24) | grey),
        "A BMP must have 24 bits a pixel, or 8 with a grey palette, without compression. "
        f"{_SEND} Received bits and compression:",
        bits,
        compression,
    )
    complete = _require(
        (offset >= needed)
        & (offset + (bits * width + 31) // 32 * 4 * height <= tf.cast(tf.strings.length(data), tf.int64)),
        "A picture must be complete. Send the whole file. Received a BMP that ends too early.",
    )
    with tf.control_dependencies([accepted, complete, _check_size(height, width, max_pixels)]):
        return _decode_image(tf.identity(data))


def _webp(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    if not HAS_WEBP:
        message = "WebP needs a TensorFlow that has tf.io.decode_webp. Received WebP. Send JPEG or PNG, or update it."
        with tf.control_dependencies([_require(tf.constant(False), message)]):
            return tf.zeros([1, 1, 3], tf.uint8)
    head = _bytes(data, 0, _HEAD)
    kind = tf.strings.substr(tf.strings.substr(data, 0, 16) + tf.constant(b"\0" * 16), 12, 4)
    extended, lossless = kind == b"VP8X", kind == b"VP8L"
    bits = _little(head, 21, 4)
    plain_width, plain_height = _little(head, 26, 2) % 2**14, _little(head, 28, 2) % 2**14
    width = tf.where(extended, 1 + _little(head, 24, 3), tf.where(lossless, 1 + bits % 2**14, plain_width))
    height = tf.where(extended, 1 + _little(head, 27, 3), tf.where(lossless, 1 + bits // 2**14 % 2**14, plain_height))
    still = _require(
        ~extended | (tf.bitwise.bitwise_and(head[20], 0xC3) == 0),
        f"A WebP must be a single picture. {_SEND} Received an animation.",
    )
    with tf.control_dependencies([still, _check_size(height, width, max_pixels)]):
        return _decode_image(tf.identity(data))


def _skip_blocks(padded: tf.Tensor, position: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    last = tf.while_loop(
        lambda place: (place < length) & (padded[place] > 0), lambda place: [place + 1 + padded[place]], [position]
    )[0]
    return last + 1


def _palette_bytes(flags: tf.Tensor) -> tf.Tensor:
    return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(2, flags % 8), 0)


def _gif(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    head = _bytes(data, 0, _HEAD)
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
    opaque = _require(
        fills & (transparent == 0) & ((head[10] >= 128) | (local >= 128)),
        "A GIF's first frame must have a palette, no transparent colour, and fill the picture. "
        f"{_SEND} Received another one, or bytes that end too early.",
    )
    end = _skip_blocks(padded, tf.minimum(position + 11 + _palette_bytes(local), length), length)
    complete = _require(
        end <= length, "A picture must be complete. Send the whole file. Received a GIF that ends too early."
    )
    # Only up to the first frame's end: TensorFlow would decode all of them and keep one.
    size = _check_size(_little(head, 8, 2), _little(head, 6, 2), max_pixels)
    with tf.control_dependencies([opaque, complete, size]):
        return _decode_image(tf.strings.substr(data, 0, end) + ";")


def _decode(data: tf.Tensor, size: tuple[int, int], resize: str, max_pixels: int) -> tf.Tensor:
    def starts(*magic: bytes) -> tf.Tensor:
        return tf.reduce_any(tf.strings.substr(data, 0, len(magic[0])) == tf.constant(magic))

    def unknown() -> tf.Tensor:
        # As numbers: the error's text must stay UTF-8.
        message = f"The bytes must be a picture of a known format. {_SEND} Received a file that begins with the bytes:"
        with tf.control_dependencies([_require(tf.constant(False), message, _bytes(data, 0, 4))]):
            return tf.zeros([1, 1, 3], tf.uint8)

    webp = starts(b"RIFF") & (tf.strings.substr(tf.strings.substr(data, 0, 12) + b"\0" * 12, 8, 4) == b"WEBP")
    kinds = [starts(b"\xff\xd8\xff"), starts(b"\x89PNG\r\n\x1a\n"), starts(b"GIF87a", b"GIF89a"), starts(b"BM"), webp]
    branches = [
        lambda: _jpeg(data, size, resize, max_pixels),
        lambda: _png(data, max_pixels),
        lambda: _gif(data, max_pixels),
        lambda: _bmp(data, max_pixels),
        lambda: _webp(data, max_pixels),
        unknown,
    ]
    return tf.switch_case(tf.reduce_min(tf.where(tf.stack([*kinds, True]), tf.range(6), 5)), branches)


def decode_picture(
    data: tf.Tensor, size: tuple[int, int], resize: str = "stretch", max_pixels: int = MAX_PIXELS
) -> tf.Tensor:
    """Decode a picture file and resize it; the twin of ``runtime.image.decode_picture``.

    Args:
        data: ``string ()``, the file's content; an empty one gives zeros.
        size: wanted ``(height, width)``, pixels.
        resize: ``"stretch"``, ``"crop"`` (centre) or ``"pad"`` (white).
        max_pixels: the most pixels (width times height) that are decoded; the header tells.

    Returns:
        ``uint8 (*size, 3)``, RGB.

    Raises:
        ValueError: an argument is out of its range.
        tf.errors.InvalidArgumentError: when it runs: the bytes are not a picture, not one of the accepted kinds, too
            large, cut short or damaged.
    """
    check_picture_request(size, resize, max_pixels)
    picture = tf.cond(
        tf.strings.length(data) > 0,
        lambda: resize_pixels(_decode(data, size, resize, max_pixels), size, resize),
        lambda: tf.zeros((*size, 3), tf.uint8),
    )
    return tf.ensure_shape(picture, (*size, 3))


def decode_pictures(
    batch: tf.Tensor, size: tuple[int, int], resize: str = "stretch", max_pixels: int = MAX_PIXELS
) -> tf.Tensor:
    """``decode_picture`` for each of a batch.

    Args:
        batch: ``string (batch,)``.
        size: wanted ``(height, width)``, pixels.
        resize: as for ``decode_picture``.
        max_pixels: as for ``decode_picture``.

    Returns:
        ``uint8 (batch, *size, 3)``.

    Raises:
        ValueError: an argument is out of its range.
        tf.errors.InvalidArgumentError: when it runs: as for ``decode_picture``.
    """
    return tf.map_fn(
        lambda data: decode_picture(data, size, resize, max_pixels),
        batch,
        fn_output_signature=tf.TensorSpec((*size, 3), tf.uint8),
    )
