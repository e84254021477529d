"""Pictures to pixels as TensorFlow ops: the same definition as ``runtime/image.py``, for ``tf.data`` and SavedModels.

The header is checked inside the graph before anything is decoded, so whoever serves the SavedModel is protected
against pictures that are small as files and huge as pixels. Everything behind TensorFlow's decoders is integer
arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from multimodal_keras.modalities.containers_graph import (
    check_size,
    open_bmp,
    open_gif,
    open_png,
    open_webp,
    read_bytes,
    require,
)
from multimodal_keras.modalities.resize_graph import block_factor, resize_pixels, used_region
from multimodal_keras.runtime.containers import SEND
from multimodal_keras.runtime.image import LARGE_JPEG, MAX_PIXELS
from multimodal_keras.runtime.resize import check_picture_request

# TensorFlow decodes WebP since the release that brought this function.
HAS_WEBP = hasattr(tf.io, "decode_webp")


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
    with tf.control_dependencies([check_size(height, width, max_pixels)]):
        factor = block_factor(used_region(height, width, size, resize))
    factor = tf.where(height * width > LARGE_JPEG, factor, 1)
    step = sum(tf.cast(factor >= ratio, tf.int32) for ratio in (2, 4, 8))

    def decode(ratio: int) -> Callable[[], tf.Tensor]:
        return lambda: tf.io.decode_jpeg(data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    return tf.switch_case(step, [decode(ratio) for ratio in (1, 2, 4, 8)])


def _gif(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    opened, height, width = open_gif(data, max_pixels)
    pixels = _decode_image(opened)
    whole = require(
        tf.reduce_any(tf.shape(pixels)[:2] > [height, width]),
        "A picture must be complete. Send the whole file. Received a GIF that is damaged.",
    )
    with tf.control_dependencies([whole]):
        return pixels[:height, :width]


def _webp(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    if HAS_WEBP:
        return _decode_image(open_webp(data, max_pixels))
    message = "WebP needs a TensorFlow that has tf.io.decode_webp. Received WebP. Send JPEG or PNG, or update it."
    with tf.control_dependencies([require(tf.constant(False), message)]):
        return tf.zeros([1, 1, 3], tf.uint8)


def _decode(data: tf.Tensor, size: tuple[int, int], resize: str, max_pixels: int) -> tf.Tensor:
    def starts(*magic: bytes) -> tf.Tensor:
        return tf.reduce_any(tf.strings.substr(data, 0, len(magic[0])) == tf.constant(magic))

    def unknown() -> tf.Tensor:
        # As numbers: the error's text must stay UTF-8.
        message = f"The bytes must be a picture of a known format. {SEND} Received a file that begins with the bytes:"
        with tf.control_dependencies([require(tf.constant(False), message, read_bytes(data, 0, 4))]):
            return tf.zeros([1, 1, 3], tf.uint8)

    webp = starts(b"RIFF") & (tf.strings.substr(tf.strings.substr(data, 0, 12) + b"\0" * 12, 8, 4) == b"WEBP")
    kinds = [starts(b"\xff\xd8\xff"), starts(b"\x89PNG\r\n\x1a\n"), starts(b"GIF87a", b"GIF89a"), starts(b"BM"), webp]
    branches = [
        lambda: _jpeg(data, size, resize, max_pixels),
        lambda: _decode_image(open_png(data, max_pixels)),
        lambda: _gif(data, max_pixels),
        lambda: _decode_image(open_bmp(data, max_pixels)),
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
