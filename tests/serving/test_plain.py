"""The paths for people, limits, and everything that a client can do wrong."""

from __future__ import annotations

import io
import json
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from serving_values import b64

import multimodal_keras as mk
from multimodal_keras.runtime.answers import answers


def told(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()["answers"]


@pytest.mark.parametrize("path", ["/predict", "/api/multimodal"])
def test_one_record(client: Any, saved: Any, pictures: list[bytes], path: str) -> None:
    wanted = answers(saved.contract, saved.outputs({"title": [b"a red cat"], "image": pictures[:1]}))
    body = {"title": "a red cat", "image": b64(pictures[0])}
    assert told(client.post(path, json=body)) == wanted
    form = {"title": "a red cat", "image": (io.BytesIO(pictures[0]), "../../etc/passwd")}
    assert told(client.post(path, data=form)) == wanted


def test_several_records_and_missing_titles(client: Any, saved: Any, pictures: list[bytes]) -> None:
    bodies = [{}, {"title": ""}, {"title": None}, {"title": "cat"}]
    records = [{**body, "image": b64(picture)} for body, picture in zip(bodies, pictures[:4], strict=True)]
    raw = {"title": [b"", b"", b"", b"cat"], "image": pictures[:4]}
    assert told(client.post("/predict", json={"records": records})) == answers(saved.contract, saved.outputs(raw))


def test_a_form_without_its_optional_field(client: Any, saved: Any, pictures: list[bytes]) -> None:
    wanted = answers(saved.contract, saved.outputs({"title": [b""], "image": pictures[:1]}))
    assert told(client.post("/predict", data={"image": (io.BytesIO(pictures[0]), "a.png")})) == wanted


def test_the_tflite_file_answers_alike(client: Any, lite: Any, pictures: list[bytes]) -> None:
    body = {"records": [{"title": "cat", "image": b64(picture)} for picture in pictures[:3]]}
    saved, small = (told(each.post("/predict", json=body)) for each in (client, lite))
    for one, other in zip(saved, small, strict=True):
        chances = [list(answer["subject"]["probabilities"].values()) for answer in (one, other)]
        np.testing.assert_allclose(*chances, atol=1e-4)
    response = lite.post("/predict", json={"records": [body["records"][0], {"image": b64(b"no picture")}]})
    assert response.status_code == 400
    assert "records[1]" in response.get_json()["error"]


def test_health(client: Any) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok", "model": "drawings", "version": "3"}


def test_ready_until_it_is_told_to_stop(exported: Path) -> None:
    app = mk.serving.create_app(exported)
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    app.extensions["multimodal_keras_stop"].is_stopping = True
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "stopping" in response.get_json()["error"]
    assert client.get("/healthz").status_code == 200


def test_numbers_for_prometheus(exported: Path, pictures: list[bytes]) -> None:
    """Read back by Prometheus's own parser; what a client invents makes no new series."""
    client = mk.serving.create_app(exported).test_client()
    record = {"image": b64(pictures[0])}
    assert client.post("/predict", json={"records": [record] * 3}).status_code == 200
    assert client.post("/predict", json={}).status_code == 400
    for number in range(20):
        client.get(f"/invented/{number}")
    response = client.get("/metrics")
    assert response.content_type.startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(response.get_data(as_text=True)):
        for sample in family.samples:
            labels = tuple(sample.labels[key] for key in ("endpoint", "status") if key in sample.labels)
            found[sample.name, labels] = sample.value
            assert sample.labels.get("model") in (None, "", "drawings")
    requests = {labels: value for (name, labels), value in found.items() if name == "multimodal_keras_requests_total"}
    assert requests == {("/predict", "200"): 1, ("/predict", "400"): 1, ("other", "404"): 20}
    # Two calls warmed it up; they did not go through the batcher.
    assert found["multimodal_keras_batch_records_count", ()] == 1
    assert found["multimodal_keras_batch_records_sum", ()] == 3
    assert found["multimodal_keras_waiting_records", ()] == 0


def test_without_prometheus_nothing_is_counted(exported: Path, pictures: list[bytes], monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    client = mk.serving.create_app(exported).test_client()
    assert client.post("/predict", json={"image": b64(pictures[0])}).status_code == 200
    response = client.get("/metrics")
    assert response.status_code == 404
    assert "pip install prometheus-client" in response.get_json()["error"]


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nowhere", "/v1/models/drawings"])
def test_headers_that_keep_browsers_from_guessing(client: Any, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


def test_limits(exported: Path, pictures: list[bytes]) -> None:
    client = mk.serving.create_app(exported, name="other", max_body_bytes=100_000, max_records=2).test_client()
    assert client.get("/v1/models/other").status_code == 200
    record = {"image": b64(pictures[0])}
    for path, key in (("/predict", "records"), ("/v1/models/other:predict", "instances")):
        response = client.post(path, json={key: [{**record, "title": ""}] * 3})
        assert response.status_code == 400
        assert "at most 2 records" in response.get_json()["error"]
        response = client.post(path, data=b"x" * 100_001)
        assert response.status_code == 413
        assert "limited size" in response.get_json()["error"]
    form = {"title": "x" * 200_000}
    assert client.post("/predict", data=form, content_type="multipart/form-data").status_code == 413


def test_arguments(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        mk.serving.create_app(exported, max_records=0)
    with pytest.raises(ValueError, match="name is without"):
        mk.serving.create_app(exported, name="a/b")
    with pytest.raises(ValueError, match="An exported model is"):
        mk.serving.create_app(tmp_path)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/predict", 405), ("POST", "/healthz", 405), ("GET", "/nothing", 404)]
)
def test_methods_and_paths(client: Any, method: str, path: str, status: int) -> None:
    response = client.open(path, method=method)
    assert (response.status_code, response.content_type) == (status, "application/json")
    assert response.get_json()["error"]


HUGE = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 60_000, 60_000, 8, 2, 0, 0, 0, 0)
HOSTILE: dict[str, tuple[Any, str]] = {
    "empty": (b"", "empty"),
    "truncated": (b'{"title": "a', "JSON Parse error"),
    "deep": (b'{"title":' * 100_000, "nested too deeply"),
    "long number": (b'{"title": ' + b"1" * 5000 + b"}", "digits"),
    "not UTF-8": (b'{"title": "\xff"}', "UTF-8"),
    "UTF-16": ('{"title": "a"}'.encode("utf-16"), "UTF-8"),
    "no object": (b"[]", "an array"),
    "surrogate": (b'{"title": "\\ud800", "image": "x"}', "file"),
    "lone surrogate": (b'{"image": {"b64": "eA=="}, "title": "\\ud800"}', "surrogate"),
    "unknown field": ({"tiitle": "a"}, "title"),
    "required": ({"title": "a"}, "image is required"),
    "required and empty": ({"image": {"b64": ""}}, "image is required"),
    "null": ({"image": None}, "image is required"),
    "path": ({"image": "a.png"}, "b64"),
    "address": ({"image": "file:///etc/passwd"}, "b64"),
    "number": ({"image": 1}, "an integer"),
    "NaN": (b'{"title": NaN, "image": {"b64": "eA=="}}', "a decimal number"),
    "array": ({"title": ["a"], "image": {"b64": "eA=="}}, "an array"),
    "other object": ({"image": {"url": "http://localhost"}}, "object"),
    "b64 of a number": ({"image": {"b64": 1}}, "object"),
    "bad base64": ({"image": {"b64": "*"}}, "base64"),
    "no picture": ({"image": b64(b"hello world")}, "known format"),
    "end of a picture": ({"image": b64(b"\xff\xd8\xff\xe0")}, "cannot use"),
    "huge": ({"image": b64(HUGE)}, "60000, 60000"),
    "no records": ({"records": []}, "at least one record"),
    "records of another type": ({"records": "a"}, "array"),
    "a record of another type": ({"records": [1]}, "an integer"),
    "records and a field": ({"records": [{}], "title": "a"}, "title"),
    "too many": ({"records": [{}] * 17}, "at most 16"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_bodies(client: Any, case: str) -> None:
    body, word = HOSTILE[case]
    response = client.post("/predict", data=body if isinstance(body, bytes) else json.dumps(body))
    check_refusal(response, word)


@pytest.mark.parametrize("case", ["empty", "truncated", "deep", "long number", "not UTF-8", "UTF-16", "no object"])
def test_hostile_bodies_below_v1(client: Any, case: str) -> None:
    body, word = HOSTILE[case]
    check_refusal(client.post("/v1/models/drawings:predict", data=body), word)


@pytest.mark.parametrize("case", ["no picture", "end of a picture", "huge", "bad base64", "number", "other object"])
def test_the_record_at_fault_is_named(client: Any, pictures: list[bytes], case: str) -> None:
    body, word = HOSTILE[case]
    rows = [{"title": "", "image": b64(pictures[0])}] * 2 + [{"title": "", **body}]
    for path, key in (("/predict", "records"), ("/v1/models/drawings:predict", "instances")):
        response = client.post(path, json={key: rows})
        assert f"{key}[2]" in response.get_json()["error"]
        check_refusal(response, word if key == "records" else "")


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({}, "empty"),
        ({"title": "a"}, "image is required"),
        ({"image": "a.png"}, "file"),
        ({"titel": "a"}, "title"),
        ({"title": ["a", "b"]}, "twice"),
        ({"image": (io.BytesIO(b""), "a.png")}, "image is required"),
        ({"image": (io.BytesIO(b"hello"), "a.png")}, "known format"),
    ],
)
def test_hostile_forms(client: Any, form: dict[str, Any], word: str) -> None:
    check_refusal(client.post("/predict", data=form, content_type="multipart/form-data"), word)


def test_a_form_that_is_no_form(client: Any) -> None:
    check_refusal(client.post("/predict", data=b"--x\r\n", content_type="multipart/form-data; boundary=x"), "empty")


def check_refusal(response: Any, word: str) -> None:
    message = response.get_json()["error"]
    assert response.status_code == 400, message
    assert response.content_type == "application/json"
    assert word in message
    for secret in ("Traceback", "/", "node", "tensorflow", "Op:", "0x", "\n"):
        assert secret not in message


def test_threads_get_their_own_answers(app: Any, saved: Any, pictures: list[bytes]) -> None:
    titles = [f"cat {number}" for number in range(4)]
    cases = [(title, picture) for title in titles for picture in pictures]
    wanted = [saved.outputs({"title": [title.encode()], "image": [picture]})["subject"][0] for title, picture in cases]

    def ask(number: int) -> bool:
        title, picture = cases[number % len(cases)]
        body = {"instances": [{"title": title, "image": b64(picture)}]}
        row = app.test_client().post("/v1/models/drawings:predict", json=body).get_json()["predictions"][0]["subject"]
        # Not to the bit: under load TensorFlow divides a sum among other threads.
        return np.allclose(np.array(row, np.float32), wanted[number % len(cases)], atol=1e-6)

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(ask, range(256)))


def test_contributions_when_asked(client: Any, saved: Any, pictures: list[bytes]) -> None:
    records = [{"title": "a red cat", "image": b64(pictures[0])}, {"image": b64(pictures[1])}]
    raw = {"title": [b"a red cat", b""], "image": pictures[:2]}
    wanted = answers(saved.contract, saved.call("explain", raw))
    for path in ("/predict", "/api/multimodal"):
        assert told(client.post(f"{path}?contributions=true", json={"records": records})) == wanted
    form = {"title": "a red cat", "image": (io.BytesIO(pictures[0]), "cat.png")}
    [answer] = told(client.post("/predict?contributions=true", data=form))
    for task, number in (("subject", "probability"), ("colourful", "value")):
        assert [*answer[task]["contributions"]] == ["image", "title"]
        total = answer[task]["baseline"] + sum(answer[task]["contributions"].values())
        assert total == pytest.approx(answer[task][number], abs=1e-5)
        assert wanted[1][task]["contributions"]["title"] == 0.0
    plain = told(client.post("/predict?contributions=false", json={"records": records}))
    assert plain == told(client.post("/predict", json={"records": records}))
    assert "contributions" not in plain[0]["subject"]


def test_contributions_that_cannot_be_told(client: Any, lite: Any, pictures: list[bytes]) -> None:
    body = {"title": "cat", "image": b64(pictures[0])}
    for asked in ("1", "", "True", "yes", "false&contributions=true"):
        response = client.post(f"/predict?contributions={asked}", json=body)
        assert response.status_code == 400
        assert "'contributions' is true or false. Received" in response.get_json()["error"]
    response = lite.post("/predict?contributions=true", json=body)
    assert response.status_code == 400
    assert "exported with explain=True" in response.get_json()["error"]
    assert lite.post("/predict?contributions=false", json=body).status_code == 200


def test_a_tflite_file_that_can_tell_contributions(clipart: Any, tmp_path: Path) -> None:
    """Its answers are the Keras model's own; the batch is cut into records and joined again."""
    model = mk.build_model(
        {"title": mk.TextModality(sequence_length=4, optional=True)},
        {"subject": mk.ClassificationHead()},
        encoders={"title": mk.EmbeddingEncoder(embedding_width=4)},
        adapt_to=clipart,
    )
    mk.export(model, tmp_path / "words" / "1", sample=clipart, sample_size=4, explain=True)
    client = mk.serving.create_app(tmp_path / "words" / "1" / "model.tflite").test_client()
    records = [{"title": "a red cat"}, {}, {"title": "bird"}]
    found = told(client.post("/predict?contributions=true", json={"records": records}))
    for one, other in zip(
        found, mk.explain(model, [{"title": record.get("title")} for record in records]), strict=True
    ):
        for name in ("probability", "baseline"):
            assert one["subject"][name] == pytest.approx(other["subject"][name], abs=1e-5)
        assert one["subject"]["contributions"] == pytest.approx(other["subject"]["contributions"], abs=1e-5)
    assert found[1]["subject"]["contributions"] == {"title": 0.0}
    body = {"instances": [{"title": "bird"}], "signature_name": "explain"}
    rows = client.post("/v1/models/words:predict", json=body).get_json()["predictions"]
    assert sorted(rows[0]) == ["subject", "subject_baseline", "subject_contributions"]
