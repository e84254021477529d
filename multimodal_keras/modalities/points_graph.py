"""Point clouds to a fixed number of points as TensorFlow ops: the twin of ``runtime/points.py``."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from multimodal_keras.runtime.points import LOOKED_AT


def decode_points(raw: tf.Tensor, count: int, sampling: str) -> tf.Tensor:
    """Exactly ``count`` points of each cloud: sampled, or repeated in turn.

    Args:
        raw: ``float32 (batch, any, width)``; points with a NaN are none.
        count: how many.
        sampling: ``"farthest"`` or ``"even"``.

    Returns:
        ``float32 (batch, count, width)``; NaN where a cloud has no point.
    """
    width = raw.shape[2]
    spec = tf.TensorSpec((count, width), tf.float32)
    return tf.map_fn(lambda points: _decode(points, count, sampling, width), raw, fn_output_signature=spec)


def _decode(points: tf.Tensor, count: int, sampling: str, width: int) -> tf.Tensor:
    points = tf.boolean_mask(points, tf.logical_not(tf.reduce_any(tf.math.is_nan(points), axis=1)))
    known = tf.shape(points, tf.int64)[0]
    found = tf.cond(known > count, lambda: _sampled(points, known, count, sampling), lambda: points)
    found = tf.ensure_shape(found, (None, width))
    turns = tf.range(count, dtype=tf.int64) % tf.maximum(tf.minimum(known, count), 1)
    nothing = tf.fill([count, width], np.float32(np.nan))
    return tf.ensure_shape(tf.cond(known > 0, lambda: tf.gather(found, turns), lambda: nothing), (count, width))


def _sampled(points: tf.Tensor, known: tf.Tensor, count: int, sampling: str) -> tf.Tensor:
    if sampling == "even":
        return tf.gather(points, _evenly(known, count))
    looked_at = LOOKED_AT * count
    points = tf.cond(known > looked_at, lambda: tf.gather(points, _evenly(known, looked_at)), lambda: points)
    return tf.gather(points, farthest_points(points[:, :3], count))


def _evenly(known: tf.Tensor, count: int) -> tf.Tensor:
    return tf.range(count, dtype=tf.int64) * known // count


def farthest_points(places: tf.Tensor, count: int) -> tf.Tensor:
    """Which points farthest-point sampling chooses.

    Args:
        places: ``float32 (points, 3)``, at least ``count``.
        count: how many.

    Returns:
        ``int64 (count,)``, in the order in which they are chosen; of equally far ones the first.
    """
    chosen = tf.TensorArray(tf.int64, count, element_shape=()).write(0, tf.constant(0, tf.int64))
    nearest = tf.fill([tf.shape(places)[0]], np.float32(np.inf))

    def choose(number: tf.Tensor, last: tf.Tensor, nearest: tf.Tensor, chosen: tf.TensorArray) -> tuple:
        apart = places - places[last]
        squares = apart * apart
        # One after the other, as without TensorFlow: another order of the sum would round otherwise.
        nearest = tf.minimum(nearest, squares[:, 0] + squares[:, 1] + squares[:, 2])
        following = tf.argmax(nearest)
        return number + 1, following, nearest, chosen.write(number, following)

    loop = (tf.constant(1), tf.constant(0, tf.int64), nearest, chosen)
    *_, chosen = tf.while_loop(lambda number, *_: number < count, choose, loop, maximum_iterations=count)
    return chosen.stack()
