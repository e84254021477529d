"""The whole way: another process, waitress, a socket."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving_values import b64

from multimodal_keras.serving import server

SECONDS = 120


@pytest.fixture(scope="module")
def port(exported: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    code = f"import multimodal_keras as mk; mk.serving.serve({str(exported)!r}, port={number}, threads=4)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + SECONDS
        while not listens(number):
            assert process.poll() is None, "the server stopped"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.2)
        yield number
    finally:
        process.terminate()
        process.wait(SECONDS)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_same_numbers_over_a_socket(port: int, saved: Any, pictures: list[bytes]) -> None:
    body = json.dumps({"inputs": {"title": ["a cat"], "image": [b64(pictures[0])]}})
    status, answer = ask(port, "POST", "/v1/models/drawings/versions/3:predict", body)
    assert status == 200
    wanted = saved.outputs({"title": [b"a cat"], "image": pictures[:1]})["subject"]
    np.testing.assert_array_equal(np.array(answer["outputs"]["subject"], np.float32), wanted)


def test_errors_over_a_socket(port: int) -> None:
    assert ask(port, "GET", "/v1/models/dr%2Fawings")[0] == 404
    assert ask(port, "POST", "/predict", "{")[0] == 400
    assert ask(port, "POST", "/predict", b"x" * (33 * 2**20))[0] == 413
    assert ask(port, "GET", "/healthz") == (200, {"status": "ok", "model": "drawings", "version": "3"})


def test_without_waitress(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "waitress", None)
    with pytest.raises(ImportError, match=r"pip install flask waitress"):
        server.serve(exported)
