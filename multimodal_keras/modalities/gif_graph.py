"""Moving GIFs to frames in the graph: the twin of ``runtime/gif.py``.

The blocks are walked through first, so that what a file decodes to is known before anything is decoded.
"""

from __future__ import annotations

import tensorflow as tf

from multimodal_keras.modalities.containers_graph import check_size, require
from multimodal_keras.runtime.gif import DISPOSED, MOST_BLOCKS, PLACED

# No step of the walk looks further ahead than this.
_MARGIN = 2048
_WHOLE = "A picture must be complete. Send the whole file."
# A frame of one pixel with a palette of its own. giflib hands over what it has when a frame is damaged: if this one is among
# the decoded, it got through all of them.
_LAST = b"," + bytes(4) + b"\1\0\1\0\x80" + bytes(6) + b"\2\2\x44\1\0;"


def decode_gif(data: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """All frames of a GIF, each drawn over the one before.

    Args:
        data: ``string ()``.
        max_pixels: the most pixels of all frames together; the blocks tell.

    Returns:
        ``uint8 (frames, height, width, 3)``.

    Raises:
        tf.errors.InvalidArgumentError: when it runs: it has too many pixels or blocks, is cut short or damaged, or has
            frames that lie outside of the picture or would have to be disposed of.
    """
    values = tf.cast(tf.io.decode_raw(data + tf.constant(b"\0" * _MARGIN), tf.uint8), tf.int32)
    length = tf.strings.length(data)
    width, height = values[6] + 256 * values[7], values[8] + 256 * values[9]
    state = _walk(values, length, width, height)
    end, count = state[0], state[1]
    checks = [
        require(state[2] <= MOST_BLOCKS, f"A GIF has at most {MOST_BLOCKS} blocks. Send its frames as pictures."),
        require(
            (state[2] > MOST_BLOCKS) | (~state[7] & (end < length) & (values[end] == 0x3B) & (count > 0)),
            f"{_WHOLE} Received a GIF that ends too early or is damaged.",
        ),
        require(tf.logical_not(state[8]), f"{PLACED} Received another one."),
        require(tf.logical_not(state[5] & state[6]), f"{DISPOSED} Received another one."),
        check_size(height, width, max_pixels),
        require(
            tf.cast(count, tf.int64) * tf.cast(height, tf.int64) * tf.cast(width, tf.int64) <= max_pixels,
            f"A video's frames have at most {max_pixels} pixels together. Send fewer or smaller ones. Received frames:",
            count,
        ),
    ]
    with tf.control_dependencies(checks):
        frames = tf.io.decode_gif(tf.strings.substr(data, 0, end) + tf.constant(_LAST))
    with tf.control_dependencies(
        [require(tf.shape(frames)[0] == count + 1, f"{_WHOLE} Received a GIF that is damaged.")]
    ):
        return frames[:-1]


def _walk(values: tf.Tensor, length: tf.Tensor, width: tf.Tensor, height: tf.Tensor) -> list[tf.Tensor]:
    """Position, frames and blocks; whether the next frame has a transparent colour, and how it is disposed of (-1: not
    told); whether one is disposed of, one does not fill the picture, something is damaged, and a frame lies outside."""
    whole_palette = values[10] >= 128

    def short(place: tf.Tensor) -> tf.Tensor:
        return values[place] + 256 * values[place + 1]

    def goes_on(position: tf.Tensor, frames: tf.Tensor, blocks: tf.Tensor, *rest: tf.Tensor) -> tf.Tensor:
        return (position < length) & (values[position] != 0x3B) & (blocks <= MOST_BLOCKS) & tf.logical_not(rest[4])

    def step(position, frames, blocks, transparent, disposal, disposed, part, damaged, outside):  # type: ignore[no-untyped-def]
        kind = values[position]
        extension, image = kind == 0x21, kind == 0x2C
        control = extension & (values[position + 1] == 0xF9) & (disposal < 0)
        flags, local = values[position + 3], values[position + 9]
        damaged = damaged | tf.logical_not(extension | image) | (control & (values[position + 2] != 4))
        transparent = tf.where(control, flags % 2, transparent)
        disposal = tf.where(control, flags // 4 % 8, disposal)
        left, top, wide, high = (short(position + place) for place in (1, 3, 5, 7))
        fills = (wide == width) & (high == height)
        lies = (
            (left + wide <= width) & (top + high <= height) & (wide > 0) & (high > 0) & (whole_palette | (local >= 128))
        )
        outside = outside | (image & tf.logical_not(lies))
        part = part | (image & (tf.logical_not(fills) | (transparent == 1)))
        disposed = disposed | (image & ((disposal == 2) | (disposal == 3)))
        ahead = tf.where(image, 11 + _palette_bytes(local), 2)
        position, blocks = _skip(values, tf.minimum(position + ahead, length), length, blocks + 1)
        frames, transparent = frames + tf.cast(image, tf.int32), tf.where(image, 0, transparent)
        disposal = tf.where(image, -1, disposal)
        return position, frames, blocks, transparent, disposal, disposed, part, damaged, outside

    start = tf.minimum(13 + _palette_bytes(values[10]), length)
    false = tf.constant(False)
    return tf.while_loop(goes_on, step, [start, *[tf.constant(0)] * 3, tf.constant(-1), *[false] * 4])


def _palette_bytes(flags: tf.Tensor) -> tf.Tensor:
    return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(2, flags % 8), 0)


def _skip(values: tf.Tensor, position: tf.Tensor, length: tf.Tensor, blocks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Behind the sub-blocks."""
    position, blocks = tf.while_loop(
        lambda place, count: (place < length) & (values[place] > 0) & (count <= MOST_BLOCKS),
        lambda place, count: (place + 1 + values[place], count + 1),
        [position, blocks],
    )
    return tf.minimum(position + 1, length), blocks
