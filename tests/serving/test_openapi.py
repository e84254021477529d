"""The document itself: valid, true of this very model, with examples that work."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import numpy as np
import openapi_spec_validator
import pytest
from serving_values import b64

import multimodal_keras as mk
from multimodal_keras.runtime.answers import answers
from multimodal_keras.serving.access import new_key
from multimodal_keras.serving.openapi import document

PREDICT = "/v1/models/drawings:predict"


@pytest.fixture
def described(client: Any) -> dict[str, Any]:
    response = client.get("/openapi.json")
    assert (response.status_code, response.content_type) == (200, "application/json")
    return response.get_json()


def allows(described: dict[str, Any], name: str, value: Any) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def test_it_is_valid(described: dict[str, Any], lite: Any, exported: Path, tmp_path: Path) -> None:
    openapi_spec_validator.validate(described)
    openapi_spec_validator.validate(lite.get("/openapi.json").get_json())
    key = new_key("me", tmp_path / "keys.txt")
    guarded = mk.serving.create_app(exported, api_keys=tmp_path / "keys.txt").test_client()
    assert guarded.get("/openapi.json").status_code == 401
    secured = guarded.get("/openapi.json", headers={"X-API-Key": key}).get_json()
    openapi_spec_validator.validate(secured)
    assert secured["security"] == [{"bearer": []}, {"header": []}]
    assert "401" in secured["paths"]["/predict"]["post"]["responses"]
    assert secured["paths"]["/healthz"]["get"]["security"] == []
    assert "security" not in described
    assert "401" not in described["paths"]["/predict"]["post"]["responses"]


def test_every_example_is_answered_as_described(client: Any, described: dict[str, Any]) -> None:
    sent = 0
    for path, operations in described["paths"].items():
        for content in operations.get("post", {}).get("requestBody", {}).get("content", {}).values():
            for reference in content.get("examples", {}).values():
                body = described["components"]["examples"][reference["$ref"].rpartition("/")[2]]["value"]
                response = client.post(path.replace("{version}", "3"), json=body)
                assert response.status_code == 200, (path, response.get_json())
                answer = "Predictions" if path.startswith("/v1") else "Answers"
                assert allows(described, answer, response.get_json())
                sent += 1
    assert sent == 8


def test_every_path_is_there(client: Any, described: dict[str, Any], app: Any) -> None:
    for path, operations in described["paths"].items():
        if "get" in operations:
            assert client.get(path.replace("{version}", "3")).status_code == 200, path
    routes = {rule.rule for rule in app.url_map.iter_rules() if "<" not in rule.rule}
    assert routes <= described["paths"].keys()


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({}, 200),
        ({"title": None}, 200),
        ({"title": ""}, 200),
        ({"title": b64(b"cat")}, 200),
        ({"title": 1}, 400),
        ({"title": ["cat"]}, 400),
        ({"image": None}, 400),
        ({"image": {"b64": ""}}, 400),
        ({"image": "a.png"}, 400),
        ({"image": {"url": "a.png"}}, 400),
        ({"titel": "cat"}, 400),
    ],
)
def test_the_schema_agrees_with_the_server(
    client: Any, described: dict[str, Any], pictures: list[bytes], record: dict[str, Any], status: int
) -> None:
    whole = {"image": b64(pictures[0]), **record}
    assert client.post("/predict", json=whole).status_code == status
    assert allows(described, "Record", whole) is (status == 200)


def test_the_schema_of_tensors_agrees_with_the_server(client: Any, described: dict[str, Any]) -> None:
    inputs = {
        "title": np.zeros((2, 4), int).tolist(),
        "title_present": [True, False],
        "image": np.arange(2 * 768).reshape(2, 16, 16, 3).__mod__(256).tolist(),
    }
    right = {"signature_name": "tensors", "inputs": inputs}
    rows = [dict(zip(inputs, row, strict=True)) for row in zip(*inputs.values(), strict=True)]
    bodies = [(right, 200), ({"signature_name": "tensors", "instances": rows}, 200)]
    for field, value in (("image", 256), ("image", 0.5), ("title", -1), ("title", 10**6), ("title_present", 1)):
        wrong = copy.deepcopy(right)
        holder = wrong["inputs"][field]
        while isinstance(holder[0], list):
            holder = holder[0]
        holder[0] = value
        bodies.append((wrong, 400))
    bodies += [({**right, "signature_name": "serving_default"}, 400), ({**right, "instances": rows}, 400)]
    for body, status in bodies:
        assert client.post(PREDICT, json=body).status_code == status
        assert allows(described, "Predict", body) is (status == 200)
    assert allows(described, "Predictions", client.post(PREDICT, json=right).get_json())


def test_contributions_are_described(client: Any, described: dict[str, Any], pictures: list[bytes]) -> None:
    (parameter,) = described["paths"]["/predict"]["post"]["parameters"]
    assert parameter["name"] == "contributions"
    answer = client.post("/predict?contributions=true", json={"title": "cat", "image": b64(pictures[0])}).get_json()
    assert answer["answers"][0]["subject"]["contributions"].keys() == {"title", "image"}
    assert allows(described, "Answers", answer)


def made(modalities: dict[str, Any], tasks: dict[str, Any]) -> dict[str, Any]:
    """The document of a model that is only a contract."""
    inputs = {
        field: {
            "shape": [None, *facts.get("raw", {}).get("shape", [])],
            "dtype": facts.get("raw", {}).get("dtype", "string"),
        }
        for field, facts in modalities.items()
    }
    outputs = {task: {"shape": [None, 2], "dtype": "float32"} for task in tasks}
    signatures = {"serving_default": {"inputs": inputs, "outputs": outputs}}
    contract = {"modalities": modalities, "tasks": tasks, "signatures": signatures}
    model = SimpleNamespace(name="a b", version=1, contract=contract, signatures=signatures, has_graph=True)
    found = document([model, SimpleNamespace(**{**vars(model), "name": "c"})], 8, needs_key=False)
    openapi_spec_validator.validate(found)
    for path in ("/predict/a%20b", "/predict/c", "/contract/c", "/v1/models/a%20b:predict", "/v1/models/c:predict"):
        assert path in found["paths"]
    return found


def test_fields_of_numbers() -> None:
    facts = {"kind": "numbers", "optional": False, "raw": {"shape": [None, 2], "dtype": "float32"}}
    found = made({"series": facts}, {"value": {"kind": "regression", "unit": "EUR"}})
    for value, is_right in (([[1, 2.5]], True), ([], True), ([[1]], False), ([[1, "2"]], False), ([[1, None]], False)):
        assert allows(found, "Record", {"series": value}) is is_right
    assert not allows(found, "Record", {"series": None})
    # A form has no arrays, and nobody can make up what is of an unknown kind.
    assert list(found["paths"]["/predict"]["post"]["requestBody"]["content"]) == ["application/json"]
    assert found["components"]["examples"] == {}


def test_answers_of_each_kind() -> None:
    tasks = {
        "one": {"kind": "classification", "labels": ["a", "b"]},
        "several": {"kind": "multilabel", "labels": ["a", "b"]},
        "number": {"kind": "regression", "unit": "EUR"},
        "new": {"kind": "something new"},
    }
    title = {"kind": "text", "optional": True, "vocabulary": ["cat"], "unit": "word"}
    found = made({"title": title}, tasks)
    outputs = {task: np.array([[0.25, 0.75]], np.float32) for task in tasks}
    (answer,) = answers({"tasks": tasks}, outputs)
    assert allows(found, "Answer", answer)
    for task, wrong in (
        ("one", {"label": "c"}),
        ("several", {"labels": ["a", "a"]}),
        ("number", {"unit": "USD"}),
        ("one", {"more": 1}),
    ):
        assert not allows(found, "Answer", {**answer, task: {**answer[task], **wrong}})
