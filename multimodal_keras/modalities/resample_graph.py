"""Another sampling rate as TensorFlow ops: the same definition as ``runtime/resample.py``.

The rate of a file is known only when it is read, so that the weights are made in the graph.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf

from multimodal_keras.modalities.containers_graph import require
from multimodal_keras.runtime.resample import BETA, CROSSINGS, MAX_WEIGHTS, wrong_rate


class Ratio(NamedTuple):
    """As in ``runtime/resample.py``, `int64 ()` each, with `up` and `down` in lowest terms as `phases` and `stride`."""

    up: tf.Tensor
    down: tf.Tensor
    reach: tf.Tensor
    taps: tf.Tensor
    phases: tf.Tensor
    stride: tf.Tensor


def ratio_of(rate: tf.Tensor, goal: int) -> Ratio:
    """The ratio between two rates, in Hz.

    Raises:
        tf.errors.InvalidArgumentError: when it runs: the rates have so little in common that the matrix would be huge.
    """
    common = tf.while_loop(
        lambda one, other: other > 0, lambda one, other: (other, one % other), [rate, tf.constant(goal, tf.int64)]
    )[0]
    phases, stride = goal // common, rate // common
    reach = -(-CROSSINGS * tf.maximum(phases, stride) // phases)
    rows = tf.maximum(2 * reach // stride, 1)
    up, down = rows * phases, rows * stride
    taps = down + 2 * reach
    close = require(up * taps <= MAX_WEIGHTS, f"{wrong_rate(goal)} Received a rate in Hz:", rate)
    with tf.control_dependencies([close]):
        return Ratio(tf.identity(up), down, reach, tf.identity(taps), phases, stride)


def weights(ratio: Ratio) -> tf.Tensor:
    """`float32 (taps, up)`: what each sample of a row of the source adds to each of the answer."""
    wide = CROSSINGS * tf.maximum(ratio.phases, ratio.stride)
    place = tf.cast(tf.range(-wide, wide + 1), tf.float64) / tf.cast(wide, tf.float64)
    inner = BETA * tf.sqrt(tf.maximum(1 - place**2, 0))
    window = tf.math.bessel_i0e(inner) * tf.exp(inner - BETA) / tf.math.bessel_i0e(tf.constant(BETA, tf.float64))
    angle = math.pi * CROSSINGS * place
    sinc = tf.where(place == 0, tf.constant(1.0, tf.float64), tf.math.divide_no_nan(tf.sin(angle), angle))
    scale = tf.cast(CROSSINGS * ratio.phases, tf.float64) / tf.cast(wide, tf.float64)
    prototype = tf.concat([tf.cast(sinc * window * scale, tf.float32), [0.0]], 0)
    distance = tf.range(ratio.up) * ratio.stride - (tf.range(ratio.taps)[:, None] - ratio.reach) * ratio.phases
    index = tf.where(tf.abs(distance) <= wide, distance + wide, 2 * wide + 1)
    return tf.gather(prototype, index)


def needed(ratio: Ratio, first: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """What of the source some samples of the answer need: the first, how many, and how many rows (`int64 ()`)."""
    row, last = first // ratio.up, (first + count - 1) // ratio.up
    rows = last - row + 1
    return row * ratio.down - ratio.reach, (rows - 1) * ratio.down + ratio.taps, rows


def apply(source: tf.Tensor, ratio: Ratio, first: tf.Tensor, count: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """The samples of the answer from the source's that `needed` named, `float32 (count,)`."""
    index = tf.range(rows)[:, None] * ratio.down + tf.range(ratio.taps)
    answer = tf.reshape(tf.matmul(tf.gather(source, index), weights(ratio)), [-1])
    skipped = first % ratio.up
    return answer[skipped : skipped + count]
