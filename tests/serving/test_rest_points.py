"""TensorFlow Serving's REST contract in twelve points: one table, a row for each, against the application itself.

`test_rest.py` goes through each point's odd cases.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from serving_values import b64
from tensorflow.core.protobuf import saved_model_pb2

from multimodal_keras.bundling.warmup import WARM_UP, write_warm_up
from multimodal_keras.serving.refusal import Refusal, explain
from multimodal_keras.serving.rest import parse_predict, write_answer
from multimodal_keras.serving.writing import write_array

PATH = "/v1/models/drawings"
ONE_INPUT = {"serving_default": {"inputs": {"file": {"shape": [None], "dtype": "string"}}, "outputs": {}}}


class Asked:
    """What a row needs: a client, a right instance, the exported folder."""

    def __init__(self, client: Any, picture: bytes, folder: Path) -> None:
        self.client, self.folder, self.instance = client, folder, {"title": "a red cat", "image": b64(picture)}

    def post(self, body: Any, path: str = f"{PATH}:predict", **options: Any) -> Any:
        return self.client.post(path, data=body if isinstance(body, (bytes, str)) else json.dumps(body), **options)

    def rows(self, *rows: Any, **more: Any) -> Any:
        return self.post({"instances": list(rows), **more})


@pytest.fixture
def asked(client: Any, pictures: list[bytes], exported: Path) -> Asked:
    return Asked(client, pictures[0], exported)


def paths(asked: Asked) -> None:
    for path in (f"{PATH}:predict", f"{PATH}/versions/3:predict", "/V1/MODELS/drawings:Predict"):
        assert asked.post({"instances": [asked.instance]}, path).status_code == 200
    for path in (PATH, f"{PATH}/versions/3", f"{PATH}/metadata"):
        assert asked.client.get(path).status_code == 200
    assert asked.client.get("/v1/models").status_code == 400
    assert asked.client.get("/v1/foo").get_json() == {"error": "Malformed request: GET /v1/foo"}


def who_is_not_there(asked: Asked) -> None:
    for path, status in (
        ("/v1/models/x", 404), (f"{PATH}/versions/9", 404), (f"{PATH}/labels/x", 400), (f"{PATH}/versions/{2**63}", 400)
    ):  # fmt: skip
        assert asked.client.get(path).status_code == status
        assert asked.post({"instances": [asked.instance]}, f"{path}:predict").status_code == status
    assert asked.rows(asked.instance, signature_name="x").status_code == 400


def statuses_and_bodies(asked: Asked) -> None:
    wanted = {
        tf.errors.InvalidArgumentError: 400, tf.errors.FailedPreconditionError: 400, tf.errors.OutOfRangeError: 400,
        tf.errors.UnauthenticatedError: 401, tf.errors.PermissionDeniedError: 403, tf.errors.NotFoundError: 404,
        tf.errors.AbortedError: 409, tf.errors.ResourceExhaustedError: 429, tf.errors.UnknownError: 500,
        tf.errors.InternalError: 500, tf.errors.UnimplementedError: 501, tf.errors.UnavailableError: 503,
        tf.errors.DeadlineExceededError: 504,
    }  # fmt: skip
    assert {error: explain(error(None, None, "")).status for error in wanted} == wanted
    response = asked.post({"instances": [asked.instance]}, content_type="image/png")
    assert (response.status_code, response.content_type) == (200, "application/json")
    response = asked.post("{", content_type="image/png")
    assert (response.status_code, response.content_type) == (400, "application/json")
    assert list(response.get_json()) == ["error"]


def bodies(asked: Asked) -> None:
    assert asked.rows(asked.instance, nobody_knows=1, signature_name="").status_code == 200
    assert (
        asked.post(f'{{"x": [NaN, Infinity, -Infinity], {json.dumps({"instances": [asked.instance]})[1:]}').status_code
        == 200
    )
    for body in ("", "[]", {}, {"instances": [], "inputs": []}, {"instances": [asked.instance], "signature_name": 1}):
        assert asked.post(body).status_code == 400


def rows_and_columns(asked: Asked) -> None:
    parse = lambda body: parse_predict(body, ONE_INPUT).inputs["file"]  # noqa: E731
    assert parse({"instances": ["a", {"b64": "Yg=="}]}) == parse({"inputs": ["a", "b"]}) == [b"a", b"b"]
    assert parse({"instances": [{"file": "a"}]}) == parse({"inputs": {"file": ["a"]}}) == [b"a"]
    with pytest.raises(Refusal, match="mixture"):
        parse({"instances": [{"file": "a"}, "b"]})
    for rows in ([], [{"title": "a"}], [{**asked.instance, "x": 1}]):
        assert asked.rows(*rows).status_code == 400
    assert asked.post({"inputs": {name: [value] for name, value in asked.instance.items()}}).status_code == 200


def strict_types(asked: Asked) -> None:
    for title in (1, 1.0, True, None, ["a"], {"b64": "*"}, {"b64": "eA==", "x": 1}, {"b64": 1}):
        assert asked.rows({**asked.instance, "title": title}).status_code == 400
    tensors = {"title": [0] * 4, "title_present": True, "image": [[[0] * 3] * 16] * 16}
    for wrong in ({}, {"title": [0.0] * 4}, {"title": ["0"] * 4}, {"title_present": 1}, {"title": [None] * 4}):
        response = asked.rows({**tensors, **wrong}, signature_name="tensors")
        assert response.status_code == (400 if wrong else 200)
    number = {"serving_default": {"inputs": {"x": {"shape": [None], "dtype": "float32"}}, "outputs": {}}}
    assert parse_predict({"instances": [1, 2.5]}, number).inputs["x"].tolist() == [1.0, 2.5]


def answers(asked: Asked) -> None:
    row = asked.rows(asked.instance).get_json()
    assert list(row) == ["predictions"]
    assert set(row["predictions"][0]) == {"subject", "colourful"}
    assert isinstance(asked.rows(asked.instance, signature_name="embed").get_json()["predictions"][0], list)
    column = asked.post({"inputs": {name: [value] for name, value in asked.instance.items()}}).get_json()
    assert list(column) == ["outputs"]
    assert write_array("name_bytes", np.array([b"a"], object)) == '[{"b64": "YQ=="}]'
    with pytest.raises(Refusal, match="one common batch"):
        write_answer("instances", {"a": np.zeros(2, np.float32), "b": np.zeros(3, np.float32)})


def numbers(asked: Asked) -> None:
    written = write_array("x", np.array([0.1, 2, 1e-7, np.nan, np.inf, -np.inf], np.float32))
    assert written == "[0.1,2.0,1e-07,NaN,Infinity,-Infinity]"
    text = asked.rows(asked.instance).get_data(as_text=True)
    for row in json.loads(text)["predictions"]:
        for value in row["subject"]:
            assert np.float32(value) == np.float32(repr(float(np.float32(value))))


def classify_and_regress(asked: Asked) -> None:
    """Several inputs are no `tf.Example`: the model has no such signature, and says so."""
    methods = {s.method_name for s in signatures(asked.folder).values()}
    assert methods <= {"tensorflow/serving/predict", ""}
    for verb in ("classify", "regress"):
        response = asked.post({"examples": [{"title": "a"}]}, f"{PATH}:{verb}")
        assert response.status_code == 400
        assert f"method is {verb}" in response.get_json()["error"]
        assert asked.post({"examples": [{}]}, f"/v1/models/x:{verb}").status_code == 404


def about_itself(asked: Asked) -> None:
    status = {"error_code": "OK", "error_message": ""}
    assert asked.client.get(PATH).get_json() == {
        "model_version_status": [{"version": "3", "state": "AVAILABLE", "status": status}]
    }
    told = asked.client.get(f"{PATH}/metadata").get_json()
    assert told["model_spec"]["version"] == "3"
    image = told["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["image"]
    assert (image["dtype"], image["tensor_shape"]["dim"][0]["size"]) == ("DT_STRING", "-1")


def defaults(asked: Asked) -> None:
    """They are in the file for gRPC; REST wants every input, and is told an absent one by an empty string."""
    found = signatures(asked.folder)["serving_default"].defaults
    assert {name: tf.make_ndarray(value).tolist() for name, value in found.items()} == {"title": [b""]}
    assert asked.rows({"image": asked.instance["image"]}).status_code == 400
    empty = asked.rows({**asked.instance, "title": ""}).get_json()["predictions"][0]["colourful"]
    plain = asked.post({"image": asked.instance["image"]}, "/predict").get_json()["answers"][0]["colourful"]["value"]
    np.testing.assert_allclose(empty, plain, rtol=1e-6)


def warm_up(asked: Asked, tmp_path: Path) -> None:
    from tensorflow_serving.apis import prediction_log_pb2

    contract = json.loads((asked.folder / "contract.json").read_text(encoding="utf-8"))
    write_warm_up(tmp_path, "drawings", contract, [("serving_default", {"title": [b""], "image": [b"x"]})])
    (record,) = tf.data.TFRecordDataset(str(tmp_path / WARM_UP)).as_numpy_iterator()
    request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
    assert request.model_spec.name == "drawings"
    assert set(request.inputs) == {"title", "image"}


def signatures(folder: Path) -> Any:
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    return saved.meta_graphs[0].signature_def


POINTS: dict[int, Callable[..., None]] = {
    1: paths, 2: who_is_not_there, 3: statuses_and_bodies, 4: bodies, 5: rows_and_columns, 6: strict_types,
    7: answers, 8: numbers, 9: classify_and_regress, 10: about_itself, 11: defaults, 12: warm_up,
}  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_each_point_of_the_contract(asked: Asked, tmp_path: Path, point: int) -> None:
    check = POINTS[point]
    check(asked, tmp_path) if check is warm_up else check(asked)


@pytest.mark.parametrize("signature", ["serving_default", "embed", "explain"])
def test_a_required_field_is_required_by_the_graph(saved: Any, client: Any, lite: Any, signature: str) -> None:
    """So TensorFlow Serving refuses it too, as the loader does over either file."""
    sentence = "Field image is required. Received an empty value."
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        saved.call(signature, {"title": [b"a", b""], "image": [b"", b""]})
    body = json.dumps({"instances": [{"title": "a", "image": ""}], "signature_name": signature})
    response = client.post(f"{PATH}:predict", data=body)
    assert (response.status_code, response.get_json()) == (400, {"error": f"{sentence} Fill it."})
    if signature == "serving_default":
        response = lite.post(f"{PATH}:predict", data=body)
        assert response.status_code == 400
        assert "'image' is required. Received an empty value" in response.get_json()["error"]
