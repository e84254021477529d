"""Cells of a table to numbers as TensorFlow ops: the same definition as `runtime/cells.py`, for SavedModels."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from multimodal_keras.runtime.cells import (
    DATE_PATTERN,
    FALSE,
    FNV_PRIME,
    FNV_START,
    HOLDS,
    LIMIT,
    LONGEST_CELL,
    NAN_PATTERN,
    NUMBER_PATTERN,
    SMALLEST,
    TRUE,
)
from multimodal_keras.runtime.columns import BOOLEAN, CATEGORY, DATE, FIRST_ID, NUMBER, UNSEEN_ID, Column, in_tensor

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# What a sentence of a graph must not hold: see `runtime/reasons.py`.
_BRACKETS = re.compile(r"[\[\]/\\{}\n]")
_BETWEEN = "\x1f"


def category_table(columns: Sequence[Column]) -> tf.lookup.StaticHashTable:
    """Column number and text to id, for all vocabularies."""
    keys = [
        (_key(number, text), identifier)
        for number, column in enumerate(columns)
        for identifier, text in enumerate(column.vocabulary or (), FIRST_ID)
    ]
    keys = keys or [("", UNSEEN_ID)]  # a table cannot be empty, and no key is
    texts = tf.constant([key for key, _ in keys], tf.string)
    ids = tf.constant([identifier for _, identifier in keys], tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(texts, ids), UNSEEN_ID)


def _key(number: int, text: str) -> str:
    return f"{number}{_BETWEEN}{text}"


def decode_table(raw: tf.Tensor, columns: Sequence[Column], table: tf.lookup.StaticHashTable | None) -> tf.Tensor:
    """The twin of `runtime.cells.table_decoder`.

    Args:
        raw: `string (batch, columns)`.
        columns: what they are.
        table: see `category_table`; None if there is no vocabulary.

    Returns:
        `float32 (batch, numbers)`: numbers and booleans in the columns' order, then dates, then ids.

    Raises:
        tf.errors.InvalidArgumentError: when it runs: for a cell that its column does not hold; it names the column.
    """
    raw = tf.ensure_shape(raw, (None, len(columns)))
    cells = tf.strings.strip(raw)
    short = tf.strings.length(raw) <= LONGEST_CELL
    blocks = []
    for kinds in ((NUMBER, BOOLEAN), (DATE,), (CATEGORY,)):
        chosen = [number for number, column in enumerate(columns) if column.kind in kinds]
        if chosen:
            found = [columns[number] for number in chosen]
            block, right = _BLOCKS[kinds[0]](tf.gather(cells, chosen, axis=1), chosen, found, table)
            right = tf.logical_and(right, tf.gather(short, chosen, axis=1))
            with tf.control_dependencies(_checks(right, found)):
                blocks.append(tf.identity(block))
    size = sum(column.size for column in in_tensor(columns))
    return tf.ensure_shape(tf.concat(blocks, axis=1), (None, size))


def _checks(right: tf.Tensor, columns: Sequence[Column]) -> list[tf.Operation]:
    """An error for the first wrong cell of each column, in our own words."""
    checks = []
    for number, column in enumerate(columns):
        sentence = (
            f"The column {_BRACKETS.sub(' ', column.name)} holds {HOLDS[str(column.kind)]}. Received another text. "
            "Correct it, or leave it empty. It is in the record with this number, from 0:"
        )
        first = tf.argmin(tf.cast(right[:, number], tf.int32))
        checks.append(tf.debugging.Assert(tf.reduce_all(right[:, number]), [sentence, first]))
    return checks


def _numbers(cells: tf.Tensor, _: object, columns: Sequence[Column], __: object) -> tuple[tf.Tensor, tf.Tensor]:
    """Numbers and booleans, `float32 (batch, columns)`, and which cells are right."""
    is_number = tf.strings.regex_full_match(cells, NUMBER_PATTERN)
    values = tf.strings.to_number(tf.where(is_number, cells, "0"), tf.float64)
    fits = is_number & (tf.abs(values) < LIMIT)
    values = tf.where(tf.abs(values) < SMALLEST, tf.zeros_like(values), values)
    values = tf.where(fits, values, tf.constant(np.nan, tf.float64))
    empty = tf.equal(cells, "")
    right = fits | empty | tf.strings.regex_full_match(cells, NAN_PATTERN)
    booleans = np.array([column.kind == BOOLEAN for column in columns])
    if booleans.any():
        lower = tf.strings.lower(cells)
        true, false = (tf.reduce_any(tf.equal(lower[..., None], list(texts)), -1) for texts in (TRUE, FALSE))
        truth = tf.where(true, tf.ones_like(values), tf.where(false, tf.zeros_like(values), np.nan))
        values, right = tf.where(booleans, truth, values), tf.where(booleans, true | false | empty, right)
    return tf.cast(values, tf.float32), right


def _dates(cells: tf.Tensor, _: object, columns: Sequence[Column], __: object) -> tuple[tf.Tensor, tf.Tensor]:
    """Year, month, day, weekday and hour of each column, `float32 (batch, 5 * columns)`, and which cells are right."""
    empty, is_date = tf.equal(cells, ""), tf.strings.regex_full_match(cells, DATE_PATTERN)
    # A date without a time gets one; behind a time this changes nothing that is read.
    text = tf.strings.join([tf.where(is_date, cells, "2000-01-01"), "T00:00"])

    def part(start: int, length: int) -> tf.Tensor:
        return tf.strings.to_number(tf.strings.substr(text, start, length), tf.int32)

    year, month, day = part(0, 4), part(5, 2), part(8, 2)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = tf.gather(_DAYS, month - 1) + tf.cast(leap & (month == 2), tf.int32)
    right = empty | (is_date & (year >= 1) & (day <= days))
    minutes = tf.cast(60 * part(11, 2) + part(14, 2), tf.float64)
    whole = [tf.cast(number, tf.float64) for number in (year, month, day, _weekday(year, month, day))]
    parts = tf.stack([*whole, minutes / 60], axis=-1)
    parts = tf.where(empty[..., None], tf.constant(np.nan, tf.float64), parts)
    return tf.cast(tf.reshape(parts, (-1, sum(column.size for column in columns))), tf.float32), right


def _weekday(year: tf.Tensor, month: tf.Tensor, day: tf.Tensor) -> tf.Tensor:
    """Monday is 0. Years begin in March here, so that a leap day is the last of one."""
    year = year - tf.cast(month <= 2, tf.int32)
    days = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return (365 * year + year // 4 - year // 100 + year // 400 + days + 2) % 7


def _categories(
    cells: tf.Tensor, numbers: Sequence[int], columns: Sequence[Column], table: tf.lookup.StaticHashTable | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Ids, `float32 (batch, columns)`; every cell is right."""
    keys = tf.add(tf.constant([_key(number, "") for number in numbers]), cells)
    ids = tf.cast(tf.ones_like(cells, tf.int32), tf.int64) if table is None else table.lookup(keys)
    buckets = np.array([column.hash_buckets or 0 for column in columns], np.int64)
    if buckets.any():
        hashed = FIRST_ID + fnv1a(cells) % np.maximum(buckets, 1)
        ids = tf.where(buckets > 0, hashed, ids)
    empty = tf.equal(cells, "")
    return tf.cast(tf.where(empty, tf.zeros_like(ids), ids), tf.float32), tf.ones_like(empty)


def fnv1a(texts: tf.Tensor) -> tf.Tensor:
    """The 32-bit FNV-1a hash of each text, `int64` of the same shape: the twin of `runtime.cells.fnv1a`."""
    texts = tf.strings.substr(texts, 0, LONGEST_CELL)
    pieces = tf.strings.bytes_split(tf.reshape(texts, (-1,)))
    bytes_ = pieces.with_values(tf.cast(tf.reshape(tf.io.decode_raw(pieces.values, tf.uint8), (-1,)), tf.int64))
    lengths, padded = pieces.row_lengths(), bytes_.to_tensor()

    def step(place: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mixed = tf.bitwise.bitwise_xor(value, padded[:, place]) * FNV_PRIME % 2**32
        return place + 1, tf.where(tf.cast(place, tf.int64) < lengths, mixed, value)

    start = tf.fill(tf.shape(lengths), tf.constant(FNV_START, tf.int64))
    _, value = tf.while_loop(lambda place, _: place < tf.shape(padded)[1], step, (tf.constant(0), start))
    return tf.reshape(value, tf.shape(texts))


_BLOCKS = {NUMBER: _numbers, DATE: _dates, CATEGORY: _categories}
