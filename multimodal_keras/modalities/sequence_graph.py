"""Symbol sequences to ids as TensorFlow ops: the twin of ``runtime/sequence.py``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from multimodal_keras.runtime.sequence import symbols_needed
from multimodal_keras.runtime.text import FIRST_ID, UNKNOWN_ID

_SPACE = r"[ \t\r\n]+"


def symbol_table(index: Mapping[str, int]) -> tf.lookup.StaticHashTable:
    """Symbol to number, -1 for what is unknown."""
    keys, numbers = list(index), list(index.values())
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(keys, tf.string), tf.constant(numbers, tf.int32)), -1
    )


def symbols(raw: tf.Tensor, unit: str, most: int | None = None, keep: str = "start") -> tf.RaggedTensor:
    """The symbols of each sequence, ``string (batch, None)``.

    Args:
        raw: ``string (batch,)``, UTF-8.
        unit: ``"character"`` or ``"token"``.
        most: how many are wanted at most; None for all.
        keep: whether they are wanted from the ``"start"`` or the ``"end"``.
    """
    if unit == "character":
        text = tf.strings.regex_replace(raw, _SPACE, "")
        if most is not None:
            spare = tf.maximum(tf.strings.length(text) - 4 * most, 0)
            first = spare if keep == "end" else tf.zeros_like(spare)
            text = tf.strings.substr(text, first, tf.fill(tf.shape(first), 4 * most))
        found = tf.strings.unicode_split(text, "UTF-8", errors="replace")
    else:
        raw = tf.strings.unicode_transcode(raw, "UTF-8", "UTF-8", errors="replace")
        found = tf.strings.split(tf.strings.strip(tf.strings.regex_replace(raw, _SPACE, " ")), " ")
        found = tf.ragged.boolean_mask(found, found != "")
    if most is None:
        return found
    return found[:, :most] if keep == "start" else found[:, -most:]


def sequence_ids(
    raw: tf.Tensor, table: tf.lookup.StaticHashTable, base: int, unit: str, k: int, stride: int, keep: str, length: int
) -> tf.Tensor:
    """Ids of k-mers.

    Args:
        raw: ``string (batch,)``, UTF-8.
        table: see ``symbol_table``.
        base: how many symbols there are.
        unit: ``"character"`` or ``"token"``.
        k: symbols in an id.
        stride: symbols from one id to the next.
        keep: ``"start"`` or ``"end"`` of a longer one.
        length: ids in the result.

    Returns:
        ``int32 (batch, length)``.
    """
    needed = symbols_needed(length, k, stride)
    found = symbols(raw, unit, needed, keep)
    numbers = found.with_flat_values(table.lookup(found.flat_values)).to_tensor(-1, shape=(None, needed))
    places = np.arange(length)[:, None] * stride + np.arange(k)
    digits = tf.gather(numbers, places, axis=1)
    weights = tf.constant(base ** np.arange(k - 1, -1, -1), tf.int32)
    ids = tf.reduce_sum(digits * weights, axis=2) + FIRST_ID
    ids = tf.where(tf.reduce_any(digits < 0, axis=2), UNKNOWN_ID, ids)
    inside = tf.constant(places[:, -1], tf.int32) < tf.cast(found.row_lengths(), tf.int32)[:, None]
    return tf.where(inside, ids, 0)
