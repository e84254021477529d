"""Resizing in integers as TensorFlow ops: the same definition as ``runtime/resize.py``.

The one float32 sum holds whole numbers under 2**24, which are exact in any order.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from multimodal_keras.runtime.resize import check_picture_request

# Up to here the largest sum of the bilinear mean, 2044 times the pixels, is an int32, which is twice as fast.
_INT32_PIXELS = 2**20


def used_region(height: tf.Tensor, width: tf.Tensor, size: tuple[int, int], resize: str) -> tuple[tf.Tensor, ...]:
    """Height and width of the middle part that is used, and the height and width that it is resized to (int64)."""
    goal_height, goal_width = (tf.constant(side, tf.int64) for side in size)
    wide, high = width * goal_height, height * goal_width
    is_wide = wide > high
    if resize == "crop":
        crop_height = tf.where(is_wide, height, tf.maximum(wide // goal_width, 1))
        crop_width = tf.where(is_wide, tf.maximum(high // goal_height, 1), width)
        return crop_height, crop_width, goal_height, goal_width
    if resize == "pad":
        inner_height = tf.where(is_wide, tf.maximum((2 * high + width) // (2 * width), 1), goal_height)
        inner_width = tf.where(is_wide, goal_width, tf.maximum((2 * wide + height) // (2 * height), 1))
        return height, width, inner_height, inner_width
    return height, width, goal_height, goal_width


def block_factor(region: tuple[tf.Tensor, ...]) -> tf.Tensor:
    """Side of the blocks whose mean is taken first, in pixels (``int64``, at least 1)."""
    return tf.maximum(tf.minimum(region[0] // region[2], region[1] // region[3]), 1)


def _block_mean(pixels: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    shape = tf.shape(pixels, tf.int64)
    height, width = shape[0] // factor, shape[1] // factor
    rows = tf.reshape(pixels[: height * factor, : width * factor], tf.stack([height, factor, width * factor * 3]))

    def sum_as(dtype: tf.DType) -> Callable[[], tf.Tensor]:
        return lambda: tf.cast(tf.reduce_sum(tf.cast(rows, dtype), 1), tf.int64)

    # uint16 takes half the memory of float32 and holds the sum of 257 bytes; float32 that of a whole column.
    columns = tf.cond(factor <= 257, sum_as(tf.uint16), sum_as(tf.float32))
    total = tf.reduce_sum(tf.reshape(columns, tf.stack([height, width, factor, 3])), 2)
    return tf.cast((2 * total + factor**2) // (2 * factor**2), tf.uint8)


def _taps(old: tf.Tensor, new: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Lower and upper source index and the upper one's weight, of ``2 * new``, for each new place."""
    place = (2 * tf.range(new) + 1) * old - new
    lower = place // (2 * new)
    return tf.clip_by_value(lower, 0, old - 1), tf.clip_by_value(lower + 1, 0, old - 1), place - lower * (2 * new)


def _bilinear(pixels: tf.Tensor, height: tf.Tensor, width: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    shape = tf.shape(pixels, tf.int64)
    top, bottom, down = _taps(shape[0], height)
    left, right, across = _taps(shape[1], width)
    flat = tf.reshape(pixels, [-1, 3])

    def corner(y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(flat, y[:, None] * shape[1] + x[None, :]), dtype)

    down, across = tf.cast(down[:, None, None], dtype), tf.cast(across[None, :, None], dtype)
    height, width = tf.cast(height, dtype), tf.cast(width, dtype)
    upper = corner(top, left) * (2 * width - across) + corner(top, right) * across
    under = corner(bottom, left) * (2 * width - across) + corner(bottom, right) * across
    whole = 4 * height * width
    return tf.cast((2 * (upper * (2 * height - down) + under * down) + whole) // (2 * whole), tf.uint8)


def resize_pixels(pixels: tf.Tensor, size: tuple[int, int], resize: str = "stretch") -> tf.Tensor:
    """Resize decoded pixels; the twin of ``runtime.resize.resize_pixels``.

    Args:
        pixels: ``uint8 (height, width, 3)``.
        size: wanted ``(height, width)``, pixels.
        resize: ``"stretch"``, ``"crop"`` (centre) or ``"pad"`` (white).

    Returns:
        ``uint8 (*size, 3)``.

    Raises:
        ValueError: an argument is out of its range.
    """
    check_picture_request(size, resize)
    shape = tf.shape(pixels, tf.int64)
    region = used_region(shape[0], shape[1], size, resize)
    y, x = (shape[0] - region[0]) // 2, (shape[1] - region[1]) // 2
    pixels = pixels[y : y + region[0], x : x + region[1]]
    factor = block_factor(region)
    pixels = tf.cond(factor > 1, lambda: _block_mean(pixels, factor), lambda: pixels)
    dtype = tf.int32 if size[0] * size[1] <= _INT32_PIXELS else tf.int64
    fits = tf.reduce_all(tf.shape(pixels, tf.int64)[:2] == tf.stack(region[2:]))
    pixels = tf.cond(fits, lambda: pixels, lambda: _bilinear(pixels, region[2], region[3], dtype))
    if resize == "pad":
        above, before = (size[0] - region[2]) // 2, (size[1] - region[3]) // 2
        below, behind = size[0] - region[2] - above, size[1] - region[3] - before
        pixels = 255 - tf.pad(255 - pixels, [[above, below], [before, behind], [0, 0]])
    return tf.ensure_shape(pixels, (*size, 3))
