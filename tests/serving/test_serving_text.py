"""JSON to arrays and back, without a model."""

from __future__ import annotations

import json

import numpy as np
import pytest

from multimodal_keras.serving.parsing import parse_array, parse_object
from multimodal_keras.serving.refusal import Refusal, explain
from multimodal_keras.serving.rest import parse_predict, write_answer
from multimodal_keras.serving.writing import write_array

ONE = {"serving_default": {"inputs": {"x": {"shape": [None], "dtype": "string"}}, "outputs": {}}}


def spec(dtype: str, *shape: int) -> dict:
    return {"shape": [None, *shape], "dtype": dtype}


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1.0], "int32"),
        ([True], "int32"),
        ([2**31], "int32"),
        ([-1], "uint8"),
        ([256], "uint8"),
        ([2**63], "int64"),
        (["1"], "int32"),
        ([float("nan")], "int32"),
        ([None], "float32"),
        ([True], "float32"),
        (["NaN"], "float32"),
        ([1e39], "float32"),
        ([2**24], "float32"),
        ([10**400], "float64"),
        ([1], "bool"),
        (["true"], "bool"),
        ([1], "string"),
        ([float("nan")], "string"),
        ([{"b64": "eA=="}], "float32"),
        ([[1]], "int32"),
        (1, "int32"),
    ],
)
def test_types_are_strict(values: object, dtype: str) -> None:
    with pytest.raises(Refusal):
        parse_array(values, spec(dtype))


def test_floats_take_integers_and_nan() -> None:
    array = parse_array([1, 0.1, float("nan"), float("-inf")], spec("float32"))
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.array([1, 0.1, np.nan, -np.inf], np.float32))


@pytest.mark.parametrize("text", ["aGVsbG8=", "aGVsbG8", "aGVs\nbG8="])
def test_base64(text: str) -> None:
    assert parse_array([{"b64": text}], spec("string")) == [b"hello"]


@pytest.mark.parametrize("text", ["aGVsbG8*", "a", "data:image/png;base64,aGVsbG8=", "é"])
def test_bad_base64(text: str) -> None:
    with pytest.raises(Refusal, match="Unable to base64 decode"):
        parse_array([{"b64": text}], spec("string"))


def test_shapes() -> None:
    assert parse_array([[1, 2], [3, 4]], spec("int32", 2)).tolist() == [[1, 2], [3, 4]]
    for values in ([[1, 2], [3]], [[1, 2, 3]], [1, 2], [[[1, 2]]]):
        with pytest.raises(Refusal):
            parse_array(values, spec("int32", 2))


def test_one_input_takes_bare_values_objects_and_bytes() -> None:
    for rows in (["a"], [{"x": "a"}], [{"b64": "YQ=="}]):
        assert parse_predict({"instances": rows}, ONE).inputs == {"x": [b"a"]}
    assert parse_predict({"inputs": ["a"]}, ONE).inputs == {"x": [b"a"]}
    assert parse_predict({"inputs": {"x": ["a"]}, "signature_name": ""}, ONE).inputs == {"x": [b"a"]}
    for rows in (["a", {"x": "a"}], [{"x": "a"}, "a"]):
        with pytest.raises(Refusal, match="mixture"):
            parse_predict({"instances": rows}, ONE)


def test_floats_are_written_shortest() -> None:
    values = np.array([0.1, 1, 1 / 3, 1e-7, 4096, -0.0], np.float32)
    assert write_array("x", values) == "[0.1,1.0,0.33333334,1e-07,4096.0,-0.0]"
    assert write_array("x", np.array([np.nan, np.inf, -np.inf], np.float32)) == "[NaN,Infinity,-Infinity]"
    many = np.random.default_rng(7).normal(size=(50, 20)).astype(np.float32)
    np.testing.assert_array_equal(np.array(json.loads(write_array("x", many)), np.float32), many)


def test_other_types_are_written() -> None:
    assert write_array("x", np.array([[1, 2]], np.int64)) == "[[1,2]]"
    assert write_array("x", np.array([True])) == "[true]"
    assert write_array("x", np.array([b'a"'], object)) == '["a\\""]'
    assert write_array("x_bytes", np.array([b"hello"], object)) == '[{"b64": "aGVsbG8="}]'


def test_rows_need_a_batch() -> None:
    outputs = {"a": np.zeros(2, np.float32), "b": np.zeros((), np.float32)}
    assert write_answer("inputs", outputs) == '{"outputs":{"a":[0.0,0.0],"b":0.0}}'
    with pytest.raises(Refusal, match="batch"):
        write_answer("instances", outputs)


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"{", b"[]", b"null", b'{"a": 1} x', b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_bodies_that_are_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        parse_object(body)


def test_only_our_own_sentences_are_told() -> None:
    class Error(Exception):
        def __init__(self, message: str, code: int) -> None:
            self.message, self.error_code = message, code

    ours = (
        "{{node a/b}} assertion failed: [A picture must be small. Received width and height:] [7] [8]\n [[{{/x.py}}]]"
    )
    assert explain(Error(ours, 3)).message == "A picture must be small. Received width and height: 7, 8"
    for message in ("assertion failed: [/home/a.py] [1]", "Invalid PNG data, size 5\n /a/b.py", ""):
        assert "/" not in explain(Error(message, 3)).message
    assert explain(Error(ours, 13)).status == explain(RuntimeError("/a/b")).status == 500
    assert [explain(Error("", code)).status for code in (8, 14, 4)] == [429, 503, 504]
