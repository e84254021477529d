"""Cells of tables: both halves of the definition agree on every odd text, and records' values become texts."""

from __future__ import annotations

import datetime
import math
from fractions import Fraction

import numpy as np
import pandas
import pytest
import tensorflow as tf

from multimodal_keras.modalities.table_graph import category_table, decode_table
from multimodal_keras.modalities.table_graph import fnv1a as graph_fnv1a
from multimodal_keras.runtime.cells import LONGEST_CELL, fnv1a, parse_number, read_cells, table_decoder
from multimodal_keras.runtime.columns import Column

NUMBERS = [
    "0", "-0", "+1", "34.5", " 7\t", ".5", "5.", "1e3", "1E-3", "1e-45", "1e-38", "1.17549435e-38", "1.1754943e-38",
    "3.4028234e38",    "3.4028235e38", "340282346638528859811704183484516925440", "16777217", "0.1",
    "1e-400", "0e999999999", "nan", "-NaN",
    "", " ", "0." + "0" * 400 + "1e400", "9" * 38, "1" + "0" * 900 + "e-900", "2.2250738585072014e-308", "000012",
    "8.0000000000000000000000000000000000000000000001e-39", "1.00000017881393432617187499", "1.00000017881393432617187501",
]  # fmt: skip
NO_NUMBERS = [
    "abc", "1,5", "1_000", "0x10", "inf", "-Infinity", "1e400", "3.4028236e38", "--1", "1e", "e5", ".", "+", "1 2", "1\0",
    "１",    "1" * (LONGEST_CELL + 1), "1e99999999999999999999", "1f", "1.0d", "true",
]  # fmt: skip
DATES = [
    "", "2024-02-29", "2000-02-29", "1900-02-28", "0001-01-01", "9999-12-31T23:59:60Z", "1970-01-01 00:00",
    "2024-07-01T13:45",    "2024-07-01T13:45:30.123456789+05:30", "2024-07-01T13:45-0800",
    "2024-07-01T13:45:30,5+01", " 2024-01-31 ",
]  # fmt: skip
NO_DATES = [
    "2023-02-29", "1900-02-29", "0000-01-01", "2024-13-01", "2024-00-10", "2024-04-31", "2024-1-1", "20240101",
    "2024-07-01T24:00",    "2024-07-01T13", "2024-07-01T13:60", "2024-07-01T13:45:61", "2024-07-01X13:45",
    "01.07.2024", "nan", "24-01-01",
]  # fmt: skip
BOOLEANS, NO_BOOLEANS = (
    ["true", "TRUE", "Yes", "1", " no ", "false", "0", ""],
    ["2", "t", "on", "nan", "1.0", "ＴＲＵＥ"],
)
CATEGORIES = [
    "Paris",
    "Rome",
    " Rome ",
    "rome",
    "",
    " ",
    "猫",
    "0",
    "\0",
    "a\x1fb",
    "Par\0is",
    "nan",
    "x" * LONGEST_CELL,
]


def both(column, texts):
    """What each half makes of cells of one column."""
    rows = [np.array([text.encode()], object) for text in texts]
    plain = table_decoder([column])(rows)
    graph = decode_table(tf.constant([[row[0]] for row in rows], tf.string), [column], category_table([column])).numpy()
    return plain, graph


@pytest.mark.parametrize(
    ("kind", "texts"), [("number", NUMBERS), ("date", DATES), ("boolean", BOOLEANS), ("category", CATEGORIES)]
)
def test_both_halves_agree_to_the_bit(kind, texts):
    column = Column("c", kind, vocabulary=("Rome", "Paris", "猫") if kind == "category" else None)
    plain, graph = both(column, texts)
    assert plain.dtype == graph.dtype == np.float32
    np.testing.assert_array_equal(plain.view(np.int32), np.asarray(graph).view(np.int32))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (kind, text)
        for kind, texts in (("number", NO_NUMBERS), ("date", NO_DATES), ("boolean", NO_BOOLEANS))
        for text in texts
    ],
)
def test_both_halves_refuse_and_name_the_column(kind, text):
    column = Column("a/b [x]", kind)
    with pytest.raises(ValueError, match=r"The column 'a/b \[x\]' holds"):
        table_decoder([column])([np.array([text.encode()], object)])
    with pytest.raises(ValueError, match=r"The column 'a/b \[x\]' holds"):
        read_cells([text], [column])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"The column a b  x  holds"):
        decode_table(tf.constant([[b""], [text.encode()]]), [column], None)


def test_numbers_are_the_nearest_ones():
    for text in NUMBERS:
        if text.strip() and "nan" not in text.lower() and "999" not in text.partition("e")[2]:
            exact, number = Fraction(text.strip()), parse_number(text.encode())
            if abs(exact) < Fraction(float(np.finfo(np.float32).tiny)):
                assert number == 0
            else:
                # The nearest number of float64, which float32 then rounds.
                assert abs(Fraction(number) - exact) <= Fraction(math.ulp(number)) / 2


def test_dates_are_those_of_python():
    start = datetime.datetime(1, 1, 1)
    days = [start + datetime.timedelta(days=97 * day, minutes=617 * day % 1440) for day in range(37_000)]
    texts = [day.isoformat()[:16] for day in days]
    plain, graph = both(Column("since", "date"), texts)
    np.testing.assert_array_equal(plain, graph)
    expected = [(day.year, day.month, day.day, day.weekday(), (60 * day.hour + day.minute) / 60) for day in days]
    np.testing.assert_array_equal(graph, np.array(expected, np.float32))


def test_hashes_are_published_ones():
    # From the reference implementation's test vectors.
    known = {
        b"": 0x811C9DC5,
        b"a": 0xE40C292C,
        b"foobar": 0xBF9CF968,
        "猫".encode(): None,
        b"x" * LONGEST_CELL: None,
        b"\0": 0x050C5D1F,
    }
    for text, value in known.items():
        assert value is None or fnv1a(text) == value
    texts = list(known)
    np.testing.assert_array_equal(
        graph_fnv1a(tf.constant([texts, texts[::-1]])).numpy()[0], [fnv1a(text) for text in texts]
    )
    plain, graph = both(Column("zip", "category", hash_buckets=5), ["foobar", "", "a", " a "])
    np.testing.assert_array_equal(plain, graph)
    assert graph[:, 0].tolist() == [2 + 0xBF9CF968 % 5, 0, 2 + 0xE40C292C % 5, 2 + 0xE40C292C % 5]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("number", 3, "3"),
        ("number", 3.0, "3"),
        ("number", 0.1, "0.1"),
        ("number", np.float32(0.5), "0.5"),
        ("number", True, "1"),
        ("number", math.nan, ""),
        ("number", pandas.NA, ""),
        ("category", 3.0, "3"),
        ("category", True, "true"),
        ("category", np.int64(4), "4"),
        ("boolean", np.bool_(False), "false"),
        ("boolean", 1.0, "1"),
        ("date", datetime.date(2024, 2, 29), "2024-02-29"),
        ("date", np.datetime64("2024-02-29T10:00"), "2024-02-29T10:00"),
        ("date", np.datetime64("NaT"), ""),
        ("date", pandas.Timestamp("2024-02-29 10:00"), "2024-02-29T10:00:00"),
        ("date", pandas.NaT, ""),
        (None, " x ", "x"),
    ],
)
def test_values_of_records_become_texts(kind, value, text):
    assert read_cells({"c": value}, [Column("c", kind)]).tolist() == [text.encode()]
    assert read_cells(value, [Column("c", kind)]) is None or value is not None


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, "\ud800", b"\xff", object(), math.inf, "x" * 5000])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match=r"The column 'c' holds numbers .* Received .* Correct it, or leave it empty"):
        read_cells({"c": value}, [Column("c", "number")])


def test_cells_come_by_name_or_in_order():
    columns = [Column("a", "number"), Column("b", "category")]
    assert read_cells({"b": "x", "z": 1}, columns).tolist() == [b"", b"x"]
    assert read_cells((1, None), columns).tolist() == [b"1", b""]
    assert read_cells(np.array([1.5, np.nan]), columns).tolist() == [b"1.5", b""]
    assert read_cells(None, columns) is None
    for wrong in (5, [1], "1,x"):
        with pytest.raises(ValueError, match=r"a cell for each of the columns a, b. Received"):
            read_cells(wrong, columns)
    with pytest.raises(ValueError, match=r"The columns are a, b. Received 'z' too"):
        read_cells({"b": "x", "z": 1}, columns, strict=True)
