"""The clients and the smoke test of a bundle: REST against our own loader, gRPC against a small server here."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from bundle_serving import ENVIRONMENT, SECONDS, Served
from debian import installed

import multimodal_keras as mk


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=SECONDS, env=ENVIRONMENT, check=False
    )


def module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def real_records(clipart: mk.data.Records, count: int = 3) -> list[dict[str, Any]]:
    records = clipart.take(count)
    return [{"title": each["title"], "image": Path(clipart.folder, each["image"]).read_bytes()} for each in records]


def check_answers(served: Served, records: list[dict[str, Any]], said: list[dict[str, Any]]) -> None:
    raw = {
        "title": [record.get("title", "").encode() for record in records],
        "image": [record.get("image", b"") for record in records],
    }
    for task, wanted in served.saved.outputs(raw).items():
        labels = served.saved.contract["tasks"][task].get("labels")
        if labels:
            assert all(list(answer[task]) == labels for answer in said)
        numbers = [list(answer[task].values()) if labels else answer[task] for answer in said]
        np.testing.assert_allclose(numbers, wanted, atol=1e-6)


def test_smoke_test(served: Served) -> None:
    done = run(sys.executable, "-I", served.folder / "smoke_test.py", "--url", served.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("ok: version ")


def test_smoke_test_fails_on_another_answer_and_without_a_server(served: Served, tmp_path: Path) -> None:
    for name in ("smoke_test.py", "request.json"):
        shutil.copy(served.folder / name, tmp_path)
    right = json.loads((served.folder / "expected.json").read_text(encoding="utf-8"))
    numbers = right["outputs"]["subject"]
    wrong = {
        "version 77 is available": {"version": "77"},
        "the inputs are": {"inputs": {"title": "DT_STRING"}},
        "the outputs are": {"outputs": {**right["outputs"], "more": [1.0]}},
        "subject is": {"outputs": {**right["outputs"], "subject": [numbers[0] + 0.001, *numbers[1:]]}},
    }
    for said, change in wrong.items():
        (tmp_path / "expected.json").write_text(json.dumps(right | change), encoding="utf-8")
        done = run(tmp_path / "smoke_test.py", "--url", served.url)
        assert done.returncode == 1
        assert f"FAILED: {said}" in done.stderr
    done = run(tmp_path / "smoke_test.py", "--url", "http://127.0.0.1:9")
    assert (done.returncode, "no server" in done.stderr) == (1, True)


def test_rest_client(served: Served, clipart: mk.data.Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    client, records = module(served.folder / "client_rest.py"), real_records(clipart)
    records.append({"image": records[0]["image"]})
    check_answers(served, records, client.predict(records, served.url))
    with pytest.raises(ValueError, match=r"refused with status 400: .*known format"):
        client.predict([{"title": "a cat", "image": b"no picture"}], served.url)


def test_rest_client_by_hand(pictures_served: Served, clipart: mk.data.Records) -> None:
    record, picture = real_records(clipart, 1)[0], Path(clipart.folder, next(iter(clipart))["image"])
    command = [sys.executable, "-I", pictures_served.folder / "client_rest.py", "--url", pictures_served.url]
    done = run(*command, f"title={record['title']}", f"image={picture}")
    assert done.returncode == 0, done.stderr
    check_answers(pictures_served, [record], [json.loads(done.stdout)])
    done = run(*command, "title=a cat")
    assert (done.returncode, done.stderr) == (1, "The field image is required. Received none. Fill it.\n")
    assert run(*command, "titel=a cat").returncode == 2


def test_curl(served: Served) -> None:
    installed("curl", "curl")
    done = run("sh", served.folder / "curl.sh", served.url)
    assert done.returncode == 0, done.stderr
    status, answer = map(json.loads, done.stdout.split("\n", 1))
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    expected = json.loads((served.folder / "expected.json").read_text(encoding="utf-8"))["outputs"]
    (row,) = answer["predictions"]
    for task, numbers in expected.items():
        np.testing.assert_allclose(row[task] if len(expected) > 1 else row, numbers, rtol=1e-4)


def test_health_check(served: Served, tmp_path: Path) -> None:
    service = yaml.safe_load((served.folder / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]["serving"]
    (kind, *command), port = service["healthcheck"]["test"], served.url.rpartition(":")[2]
    assert kind == "CMD"
    assert run(*command[:-1], command[-1].replace("8501", port)).returncode == 0
    assert run(*command[:-1], command[-1].replace("8501", "9")).returncode != 0
    assert run(*command[:-1], command[-1].replace("8501", port).replace("models/", "models/not-")).returncode != 0


@pytest.fixture
def grpc_target(pictures_served: Served) -> Iterator[str]:
    """A server with TF Serving's prediction service, whose answers are the SavedModel's. It is no TF Serving."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802 (the service's name)
            assert request.model_spec.name == "My_pictures.v2"
            inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
            try:
                outputs = pictures_served.saved.call(request.model_spec.signature_name, inputs)
            except tf.errors.InvalidArgumentError:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "cannot be decoded")
            response = predict_pb2.PredictResponse()
            for name, values in outputs.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(values))
            return response

    server = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait(SECONDS)


def test_grpc_client(
    pictures_served: Served, grpc_target: str, clipart: mk.data.Records, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("no_grpc_proxy", "127.0.0.1")
    client, records = module(pictures_served.folder / "client_grpc.py"), real_records(clipart)
    records.append({"image": records[0]["image"]})
    check_answers(pictures_served, records, client.predict(records, grpc_target))
    picture = Path(clipart.folder, next(iter(clipart))["image"])
    command = ["client_grpc.py", "--target", grpc_target, f"title={records[0]['title']}"]
    monkeypatch.setattr(sys, "argv", [*command, f"image={picture}"])
    client.main()
    check_answers(pictures_served, records[:1], [json.loads(capsys.readouterr().out)])
    monkeypatch.setattr(sys, "argv", [*command, f"image={__file__}"])
    with pytest.raises(SystemExit, match="INVALID_ARGUMENT: cannot be decoded"):
        client.main()
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit, match="image is required"):
        client.main()
