"""Raw values: one string, or arrays of numbers or strings, and what stands for a missing one."""

from __future__ import annotations

import numpy as np
import pytest

from multimodal_keras.runtime.kinds import KINDS, kind_of, register_kind
from multimodal_keras.runtime.raw import SCALAR, absent, column_names, is_absent, pick, raw_spec, stacked

SERIES = {"shape": [None, 2], "dtype": "float32"}
CELLS = {"shape": [3], "dtype": "string"}


@pytest.mark.parametrize("spec", [SCALAR, SERIES, CELLS])
def test_what_stands_for_a_missing_value_is_known_as_one(spec):
    assert is_absent(absent(spec))
    assert is_absent(None)


@pytest.mark.parametrize(
    "value", [b"a", np.array([[0.0, np.nan]], "float32"), np.array([b"", b"a", b""], object), np.array([False])]
)
def test_a_value_with_anything_in_it_is_there(value):
    assert not is_absent(value)


def test_shorter_arrays_are_filled_up_as_if_by_missing_values():
    batch = stacked([np.ones((3, 2)), None, np.full((1, 2), 5.0)], SERIES)
    assert batch.dtype == np.float32
    assert batch.shape == (3, 3, 2)
    assert np.isnan(batch).any(axis=2).tolist() == [[False] * 3, [True] * 3, [False, True, True]]
    assert batch[2, 0].tolist() == [5.0, 5.0]


def test_strings_keep_their_bytes():
    assert stacked([b"a\0", None], SCALAR) == [b"a\0", b""]
    cells = stacked([np.array([b"1\0", b"", b"x"], object), None], CELLS)
    assert cells.tolist() == [[b"1\0", b"", b"x"], [b"", b"", b""]]


def test_a_field_of_several_columns_takes_them_together_or_one_by_one():
    facts = {"kind": "table", "columns": [{"name": "age"}, {"name": "city"}], "raw": CELLS}
    assert raw_spec(facts) == CELLS
    columns = column_names(facts)
    assert pick({"age": 3, "title": "a"}, "person", columns) == {"age": 3}
    assert pick({"person": {"age": 4}, "age": 3}, "person", columns) == {"age": 4}
    assert pick({"title": "a"}, "person", columns) is None


def test_a_kind_is_registered_once():
    assert register_kind(KINDS["text"]) is KINDS["text"]
    with pytest.raises(ValueError, match="taken only once"):
        register_kind(type(KINDS["text"])("text", *[lambda *_: b""] * 3))
    with pytest.raises(ValueError, match=r"fields of the kinds audio, .*text.* Received 'smell'"):
        kind_of("smell", {"kind": "smell"})
