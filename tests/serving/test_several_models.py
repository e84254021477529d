"""Several models in one process."""

from __future__ import annotations

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from serving_values import b64

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.serving.naming import model_name

PATIENCE = 60
NAMES = ("drawings", "others")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory, clipart: mk.data.Records) -> Path:
    """The folder of another model with the same fields, whose weights are others; version 7."""
    model = mk.build_model(
        {"title": mk.TextModality(sequence_length=4, optional=True), "image": mk.ImageModality(size=(16, 16))},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()},
        encoders={"title": "LSTMEncoder", "image": mk.Conv2DEncoder()},
        adapt_to=clipart,
    )
    folder = tmp_path_factory.mktemp("several") / "others"
    mk.export(model, folder / "7", sample=clipart, sample_size=4, tflite=False)
    return folder


@pytest.fixture(scope="module")
def both(exported: Path, others: Path) -> Any:
    """An application over both."""
    return mk.serving.create_app([exported.parent, others], poll_seconds=0.05)


@pytest.fixture
def client(both: Any) -> Any:
    return both.test_client()


def test_each_has_paths_of_its_own(client: Any, pictures: list[bytes]) -> None:
    record = {"title": "a cat", "image": b64(pictures[0])}
    for name, version in zip(NAMES, ("3", "7"), strict=True):
        status = client.get(f"/v1/models/{name}").get_json()["model_version_status"]
        assert [each["version"] for each in status] == [version]
        assert client.get(f"/v1/models/{name}/metadata").get_json()["model_spec"]["name"] == name
        row = client.post(f"/v1/models/{name}/versions/{version}:predict", json={"instances": [record]})
        plain = client.post(f"/predict/{name}", json=record).get_json()
        assert plain == client.post(f"/api/multimodal/{name}", json=record).get_json()
        value = plain["answers"][0]["colourful"]["value"]
        np.testing.assert_allclose(row.get_json()["predictions"][0]["colourful"], value, rtol=1e-5)
        assert client.get(f"/v1/models/{name}/labels/stable").status_code == 400
    assert client.get("/v1/models/drawings/versions/7").status_code == 404
    first = [client.post(path, json=record).get_json() for path in ("/predict", "/predict/drawings", "/predict/others")]
    assert first[0] == first[1] != first[2]


def test_who_is_not_there(client: Any) -> None:
    for path in ("/predict/nobody", "/api/multimodal/nobody", "/v1/models/nobody:predict"):
        response = client.post(path, json={})
        assert response.status_code == 404
        assert "nobody" in response.get_json()["error"]


def test_probes_name_all(client: Any) -> None:
    wanted = {"status": "ok", "model": "drawings", "version": "3", "models": {"drawings": "3", "others": "7"}}
    for path in ("/healthz", "/readyz"):
        assert client.get(path).get_json() == wanted


def test_they_never_answer_for_each_other(both: Any, pictures: list[bytes]) -> None:
    """Both are asked by many threads at once, by both kinds of paths; each answer is the one that the model gives alone."""
    bodies = [{"title": f"cat {number}", "image": b64(picture)} for number, picture in enumerate(pictures)]

    def ask(job: tuple[str, int, bool]) -> list[float]:
        name, body, plain = job
        client = both.test_client()
        if not plain:
            response = client.post(f"/v1/models/{name}:predict", json={"instances": [bodies[body]]})
            return response.get_json()["predictions"][0]["subject"]
        response = client.post(f"/predict/{name}", json=bodies[body])
        return list(response.get_json()["answers"][0]["subject"]["probabilities"].values())

    jobs = [(name, body, plain) for body in range(len(bodies)) for name in NAMES for plain in (True, False)]
    alone = {job: ask(job) for job in jobs}
    for body in range(len(bodies)):
        apart = np.subtract(alone["drawings", body, True], alone["others", body, True])
        assert np.abs(apart).max() > 1e-3
    with ThreadPoolExecutor(16) as pool:
        for job, answer in zip(jobs * 6, pool.map(ask, jobs * 6), strict=True):
            np.testing.assert_allclose(answer, alone[job], atol=1e-5)


def test_one_is_exchanged_and_the_other_goes_on(exported: Path, others: Path, tmp_path: Path) -> None:
    shutil.copytree(others, tmp_path / "others")
    app = mk.serving.create_app([tmp_path / "others", exported], poll_seconds=0.05)
    client, stop, statuses = app.test_client(), threading.Event(), []

    def other() -> None:
        while not stop.is_set():
            statuses.append(app.test_client().get("/v1/models/drawings/versions/3").status_code)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(other)
        try:
            (tmp_path / "others" / "7").rename(tmp_path / "others" / "8")
            deadline = time.monotonic() + PATIENCE
            while client.get("/healthz").get_json()["models"] != {"others": "8", "drawings": "3"}:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            stop.set()
        running.result(PATIENCE)
    assert set(statuses) == {200}


def test_numbers_are_apart(exported: Path, others: Path, pictures: list[bytes]) -> None:
    client = mk.serving.create_app([exported, others]).test_client()
    record = {"image": b64(pictures[0])}
    for name, count in zip(NAMES, (1, 2), strict=True):
        client.post(f"/predict/{name}", json={"records": [record] * count})
        for _ in range(count):
            client.get(f"/v1/models/{name}")
    client.post("/predict/invented", json=record)
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").get_data(as_text=True)):
        for sample in family.samples:
            found[sample.name, sample.labels.get("endpoint"), sample.labels.get("model")] = sample.value
    for name, count in zip(NAMES, (1, 2), strict=True):
        assert found["multimodal_keras_batch_records_sum", None, name] == count
        assert found["multimodal_keras_requests_total", "/predict/<name>", name] == 1
        assert found["multimodal_keras_requests_total", "/v1", name] == count
    assert found["multimodal_keras_requests_total", "/predict/<name>", ""] == 1
    assert not [key for key in found if key[2] == "invented"]


def test_names(exported: Path, others: Path, tmp_path: Path) -> None:
    assert model_name(exported) == model_name(exported.parent) == model_name(exported / "model.tflite") == "drawings"
    shutil.copy(exported / "model.tflite", tmp_path / "alone.tflite")
    assert model_name(tmp_path / "alone.tflite") == "alone"
    (tmp_path / "2024" / "1").mkdir(parents=True)
    assert model_name(tmp_path / "2024") == "2024"
    named = mk.serving.create_app({"one": exported, "two": tmp_path / "alone.tflite"}).test_client()
    assert named.get("/healthz").get_json()["models"] == {"one": "3", "two": "1"}
    for models, options, message in (
        ([exported, exported.parent], {}, "Each model has a name of its own. Received 'drawings'"),
        ([], {}, "at least one model"),
        ([exported, others], {"name": "a"}, "name is for one model"),
        ({"a/b": exported}, {}, "name is without / and :"),
    ):
        with pytest.raises(ValueError, match=message):
            mk.serving.create_app(models, **options)


def test_the_command_takes_several(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    called = []
    monkeypatch.setattr("multimodal_keras.cli.serve.serve", lambda models, **options: called.append(models))
    for name in ("clipart", "mood", "a=b"):
        (tmp_path / name).mkdir()
    folders = [str(tmp_path / name) for name in ("clipart", "mood", "a=b")]
    assert main(["serve", *folders[:2], f"x={folders[0]}", folders[2]]) == 0
    assert {name: str(path) for name, path in called[0].items()} == {
        "clipart": folders[0],
        "mood": folders[1],
        "x": folders[0],
        "a=b": folders[2],
    }
    assert main(["serve", folders[0], folders[0]]) == 2
    assert "NAME=PATH" in capsys.readouterr().err


# What a request costs ------------------------------------------------------------------------------------------------


def test_the_sum_of_pixels_is_told_by_headers(exported: Path, pictures: list[bytes], monkeypatch: Any) -> None:
    """Refused before the model is called, by every path that takes files; the same pictures in two requests are answered."""
    app = mk.serving.create_app({"a": exported, "b": exported / "model.tflite"}, max_request_pixels=1_000_000)
    client = app.test_client()
    rows = [{"title": "", "image": b64(picture)} for picture in pictures[:2]]
    paths = [(f"/predict/{name}", "records", {}) for name in "ab"]
    paths += [(f"/v1/models/{name}:predict", "instances", {}) for name in "ab"]
    paths += [("/v1/models/a:predict", "instances", {"signature_name": "embed"})]
    for path, key, more in paths:
        assert client.post(path, json={key: rows, **more}).status_code == 200
        with monkeypatch.context() as without:
            without.setattr("multimodal_keras.serving.model.ServedModel._call", pytest.fail)
            response = client.post(path, json={key: rows * 100, **more})
        assert response.status_code == 413
        assert "at most 1000000 pixels together. Received" in response.get_json()["error"]
    tensors = {"title": [[0] * 4] * 30, "title_present": [True] * 30, "image": [[[[0] * 3] * 16] * 16] * 30}
    body = json.dumps({"inputs": tensors, "signature_name": "tensors"})
    assert client.post("/v1/models/a:predict", data=body).status_code == 200


def test_a_damaged_header_is_the_models_to_refuse(exported: Path, pictures: list[bytes]) -> None:
    client = mk.serving.create_app(exported, max_request_pixels=1_000_000).test_client()
    for damaged in (b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF1234WEBP", b"GIF89a", b"BM"):
        response = client.post("/predict", json={"records": [{"image": b64(damaged)}, {"image": b64(pictures[0])}]})
        assert response.status_code == 400
        assert "records[0]" in response.get_json()["error"]
