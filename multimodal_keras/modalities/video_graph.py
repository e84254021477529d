"""Videos to frames as TensorFlow ops: the twin of ``runtime/video.py``."""

from __future__ import annotations

import tensorflow as tf

from multimodal_keras.modalities.gif_graph import decode_gif
from multimodal_keras.modalities.image_graph import decode_pictures
from multimodal_keras.modalities.resize_graph import resize_pixels
from multimodal_keras.runtime.gif import MAGIC


def decode_videos(raw: tf.Tensor, frames: int, size: tuple[int, int], resize: str, max_pixels: int) -> tf.Tensor:
    """Exactly ``frames`` frames of each video.

    Args:
        raw: ``string (batch, any)``: in each row one GIF, or pictures; empty strings are left out.
        frames: how many.
        size: wanted ``(height, width)``, pixels.
        resize: as for ``image_graph.decode_picture``.
        max_pixels: the most pixels that are decoded: of a GIF's frames together, of a picture ``max_pixels // frames``.

    Returns:
        ``uint8 (batch, frames, *size, 3)``; zeros where there is no file.
    """
    spec = tf.TensorSpec((frames, *size, 3), tf.uint8)
    return tf.map_fn(lambda files: _decode(files, frames, size, resize, max_pixels), raw, fn_output_signature=spec)


def _decode(files: tf.Tensor, frames: int, size: tuple[int, int], resize: str, max_pixels: int) -> tf.Tensor:
    files = tf.boolean_mask(files, tf.strings.length(files) > 0)
    known = tf.shape(files)[0]
    moves = tf.reduce_any(tf.strings.substr(files, 0, 6)[:1, None] == tf.constant(MAGIC)) & (known == 1)

    def from_gif() -> tf.Tensor:
        pictures = decode_gif(files[0], max_pixels)
        return _each(tf.shape(pictures)[0], lambda places: _resized(tf.gather(pictures, places), size, resize))

    def from_pictures() -> tf.Tensor:
        most = max(1, max_pixels // frames)
        return _each(known, lambda places: decode_pictures(tf.gather(files, places), size, resize, most))

    def _each(count: tf.Tensor, decode) -> tf.Tensor:  # type: ignore[no-untyped-def]
        # A picture that is wanted twice is decoded once.
        wanted, places = tf.unique((2 * tf.range(frames) + 1) * count // (2 * frames))
        return tf.gather(decode(wanted), places)

    nothing = tf.zeros((frames, *size, 3), tf.uint8)
    found = tf.cond(known > 0, lambda: tf.cond(moves, from_gif, from_pictures), lambda: nothing)
    return tf.ensure_shape(found, (frames, *size, 3))


def _resized(pictures: tf.Tensor, size: tuple[int, int], resize: str) -> tf.Tensor:
    spec = tf.TensorSpec((*size, 3), tf.uint8)
    return tf.map_fn(lambda pixels: resize_pixels(pixels, size, resize), pictures, fn_output_signature=spec)
