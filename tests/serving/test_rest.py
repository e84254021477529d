"""TensorFlow Serving's contract, point by point."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from serving_values import b64

PATH = "/v1/models/drawings"
PREDICT = f"{PATH}:predict"


def post(client: Any, body: Any, path: str = PREDICT) -> Any:
    return client.post(path, data=body if isinstance(body, bytes) else json.dumps(body))


def refused(response: Any, status: int, *words: str) -> None:
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == "application/json"
    body = response.get_json()
    assert set(body) == {"error"}
    for word in words:
        assert word in body["error"]


@pytest.fixture
def instance(pictures: list[bytes]) -> dict[str, Any]:
    return {"title": "a red cat", "image": b64(pictures[0])}


# 1: paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [PREDICT, f"{PATH}/versions/3:predict", "/V1/Models/drawings:PREDICT", "/v1/models/dr%61wings:predict"]
)
def test_predict_paths(client: Any, instance: dict[str, Any], path: str) -> None:
    assert post(client, {"instances": [instance]}, path).status_code == 200


@pytest.mark.parametrize("path", [PATH, f"{PATH}/versions/3", f"{PATH}/metadata", f"{PATH}/versions/3/metadata"])
def test_status_paths(client: Any, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/foo"),
        ("GET", "/v1/"),
        ("GET", PREDICT),
        ("POST", PATH),
        ("PUT", PREDICT),
        ("POST", f"{PATH}/versions/x:predict"),
        ("POST", f"{PATH}:predict/"),
        ("GET", f"{PATH}/nothing"),
    ],
)
def test_anything_else_below_v1_is_malformed(client: Any, method: str, path: str) -> None:
    refused(client.open(path, method=method), 400, f"Malformed request: {method} {path}")


def test_models_without_a_name(client: Any) -> None:
    refused(client.get("/v1/models"), 400, "Missing model name")


# 2: who is not there -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/models/other", 404),
        (f"{PATH}/versions/4", 404),
        (f"{PATH}/versions/9223372036854775807", 404),
        (f"{PATH}/versions/9223372036854775808", 400),
        (f"{PATH}/labels/stable", 400),
    ],
)
def test_unknown_models_versions_and_labels(client: Any, instance: dict[str, Any], path: str, status: int) -> None:
    refused(client.get(path), status)
    refused(post(client, {"instances": [instance]}, f"{path}:predict"), status)


def test_unknown_signature(client: Any, instance: dict[str, Any]) -> None:
    refused(post(client, {"instances": [instance], "signature_name": "x"}), 400, "not found in signature def", "embed")
    refused(post(client, {"instances": [instance], "signature_name": 1}), 400, "must be a string")


# 4, 5, 7: rows and columns -------------------------------------------------------------------------------------------


def test_rows_are_the_savedmodel_to_the_bit(client: Any, saved: Any, pictures: list[bytes]) -> None:
    titles = ["a red cat", "", "map of europe", "/etc/passwd", "猫", "x", "http://localhost/", "a"]
    wanted = saved.outputs({"title": [title.encode() for title in titles], "image": pictures})
    rows = [{"title": title, "image": b64(picture)} for title, picture in zip(titles, pictures, strict=True)]
    answer = post(client, {"instances": rows, "nobody_knows": 1}).get_json()
    assert set(answer) == {"predictions"}
    for task in ("subject", "colourful"):
        got = np.array([row[task] for row in answer["predictions"]], np.float32)
        np.testing.assert_array_equal(got, wanted[task])


def test_columns_are_the_savedmodel_to_the_bit(client: Any, saved: Any, pictures: list[bytes]) -> None:
    columns = {"title": [b64(b"a cat"), ""], "image": [b64(picture) for picture in pictures[:2]]}
    answer = post(client, {"inputs": columns}).get_json()
    wanted = saved.outputs({"title": [b"a cat", b""], "image": pictures[:2]})
    assert set(answer) == {"outputs"}
    for task in ("subject", "colourful"):
        np.testing.assert_array_equal(np.array(answer["outputs"][task], np.float32), wanted[task])


def test_one_output_is_bare(client: Any, saved: Any, instance: dict[str, Any], pictures: list[bytes]) -> None:
    wanted = saved.call("embed", {"title": [b"a red cat"], "image": pictures[:1]})["embedding"]
    rows = post(client, {"instances": [instance], "signature_name": "embed"}).get_json()["predictions"]
    np.testing.assert_array_equal(np.array(rows, np.float32), wanted)


def test_tensors(client: Any, saved: Any) -> None:
    inputs = {
        "title": np.array([[2, 3, 0, 0]], np.int32),
        "title_present": np.array([True]),
        "image": np.arange(768, dtype=np.uint8).reshape(1, 16, 16, 3),
    }
    wanted = saved.call("tensors", inputs)
    body = {"inputs": {name: array.tolist() for name, array in inputs.items()}, "signature_name": "tensors"}
    answer = post(client, body).get_json()["outputs"]
    np.testing.assert_array_equal(np.array(answer["subject"], np.float32), wanted["subject"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, ["Missing 'inputs' or 'instances'"]),
        ({"instances": [], "inputs": []}, ["Only one of"]),
        ({"instances": []}, ["at least one"]),
        ({"instances": {}}, ["array"]),
        ({"instances": ["a"]}, ["objects with the keys image, title"]),
        ({"instances": [{"title": "a"}]}, ["instances[0]", "missing: image"]),
        ({"instances": [{"title": "a", "image": "b", "c": 1}]}, ["instances[0]", "unknown: 'c'"]),
        ({"instances": [{"title": "a", "image": ""}, {"title": 1, "image": ""}]}, ["instances[1]", "title"]),
        ({"instances": [{"title": None, "image": ""}]}, ["null"]),
        ({"instances": [{"title": True, "image": ""}]}, ["a boolean"]),
        ({"instances": [{"title": "a", "image": {"b64": "é"}}]}, ["Unable to base64 decode"]),
        ({"instances": [{"title": "a", "image": {"b64": "eA==", "x": 1}}]}, ["b64"]),
        ({"instances": [{"title": ["a"], "image": ""}]}, ["instances[0]"]),
        ({"inputs": {"title": ["a"]}}, ["Missing named input: image"]),
        ({"inputs": {"title": ["a"], "image": []}}, ["same number of records"]),
        ({"inputs": {"title": "a", "image": ""}}, ["shape [any]"]),
        ({"inputs": ["a"]}, ["must be an object"]),
    ],
)
def test_requests_that_are_refused(client: Any, body: Any, words: list[str]) -> None:
    refused(post(client, body), 400, *words)


@pytest.mark.parametrize("verb", ["classify", "regress"])
def test_classify_and_regress_need_another_signature(client: Any, verb: str) -> None:
    refused(post(client, {"examples": [{}]}, f"{PATH}:{verb}"), 400, verb, "predict")


# 10: what it says about itself ---------------------------------------------------------------------------------------


def test_status(client: Any) -> None:
    status = {"error_code": "OK", "error_message": ""}
    wanted = {"model_version_status": [{"version": "3", "state": "AVAILABLE", "status": status}]}
    assert client.get(PATH).get_json() == wanted


def test_metadata(client: Any, lite: Any) -> None:
    answer = client.get(f"{PATH}/metadata").get_json()
    assert answer["model_spec"] == {"name": "drawings", "signature_name": "", "version": "3"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    image = signatures["serving_default"]["inputs"]["image"]
    assert image["dtype"] == "DT_STRING"
    assert [dim["size"] for dim in image["tensor_shape"]["dim"]] == ["-1"]
    assert image["name"] == "serving_default_image:0"
    assert signatures["tensors"]["inputs"]["title_present"]["dtype"] == "DT_BOOL"
    assert signatures["embed"]["method_name"] == "tensorflow/serving/predict"
    contract = lite.get(f"{PATH}/metadata").get_json()["metadata"]["signature_def"]["signature_def"]
    assert set(contract) == {"serving_default", "tensors"}
    for side in ("inputs", "outputs"):
        for name, info in contract["tensors"][side].items():
            assert info["dtype"] == signatures["tensors"][side][name]["dtype"]
            assert info["tensor_shape"]["dim"] == signatures["tensors"][side][name]["tensor_shape"]["dim"]
