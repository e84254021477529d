"""The whole way: another process, waitress, a socket."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving_values import b64

from multimodal_keras.serving import server

SECONDS = 120


@pytest.fixture(scope="module")
def port(exported: Path) -> Iterator[int]:
    process, number = start(exported)
    yield number
    process.kill()
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


def start(exported: Path) -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    code = f"import multimodal_keras as mk; mk.serving.serve({str(exported)!r}, port={number})"
    # As a shell starts what stands before `&`: with SIGINT ignored.
    code = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {code}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + SECONDS
    while not listens(number):
        assert process.poll() is None, "the server stopped"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.2)
    return process, number


def test_a_stop_drops_no_request(exported: Path, pictures: list[bytes]) -> None:
    """Eight clients ask while the server is told to stop: whoever could connect gets an answer."""
    process, number = start(exported)
    body = json.dumps({"image": b64(pictures[0])})
    answered, dropped, told = [], [], threading.Event()

    def client() -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            connection = http.client.HTTPConnection("127.0.0.1", number, timeout=SECONDS)
            try:
                connection.connect()
            except OSError:
                return  # it is gone
            try:
                connection.request("POST", "/predict", body)
                answered.append(connection.getresponse().status)
            except (OSError, http.client.HTTPException) as error:
                dropped.append(error)
            finally:
                connection.close()
            if told.is_set():
                return  # the last one of this client was sent after the signal, or shortly before

    try:
        with ThreadPoolExecutor(8) as pool:
            clients = [pool.submit(client) for _ in range(8)]
            while len(answered) < 40:
                assert process.poll() is None
                time.sleep(0.01)
            process.terminate()
            while ask(number, "GET", "/readyz")[0] != 503:
                time.sleep(0.01)
            assert ask(number, "GET", "/healthz")[0] == 200
            told.set()
            for finished in clients:
                finished.result(SECONDS)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait(SECONDS)
    assert dropped == []
    assert set(answered) == {200}
