"""More clients than threads, and more requests than can be answered."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multimodal_keras.serving.batcher import MicroBatcher
from multimodal_keras.serving.refusal import Refusal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "benchmarks"))

from serving_load import model
from serving_load.checking import check
from serving_load.client import closed_loop, http_request, open_loop
from serving_load.server import Server, is_ready, running, serving_code

PATIENCE = 60


@pytest.fixture(scope="module")
def lite_server(exported: Path) -> Iterator[Server]:
    """Over the TFLite file, where only four requests may wait."""
    with running(serving_code(exported / "model.tflite", max_waiting=4)) as server:
        yield server


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    return model.requests(6)


@pytest.fixture(scope="module")
def wanted(exported: Path, bodies: list[bytes]) -> list[Any]:
    return model.answers(exported, bodies)


def test_clients_that_only_listen_keep_nobody_out(lite_server: Server) -> None:
    """waitress leaves whoever is beyond its own 100 connections without an answer, and select() ends at 1024 files."""
    idle = [socket.create_connection(("127.0.0.1", lite_server.port)) for _ in range(1100)]
    try:
        assert is_ready(lite_server.port)
    finally:
        for connection in idle:
            connection.close()


def test_every_answer_to_a_crowd_is_right_or_503(lite_server: Server, bodies: list[bytes], wanted: list[Any]) -> None:
    requests = [http_request(body) for body in bodies]
    found = check(closed_loop(lite_server.port, requests, 64, 1.0), wanted)
    assert found.right
    assert found.refused
    assert {answer.body for answer in found.refused} == {
        b'{"error": "The server is busy. Received more requests than may wait. Send it again later."}'
    }
    assert not found.wrong
    assert not found.failed


def test_requests_that_come_when_they_come(lite_server: Server, bodies: list[bytes], wanted: list[Any]) -> None:
    """An open loop offers its rate whatever the server does, and counts from when a request was due."""
    requests = [http_request(body) for body in bodies]
    answers = open_loop(lite_server.port, requests, rate=40, seconds=1.0)
    found = check(answers, wanted)
    assert len(found.right) + len(found.refused) == len(answers)
    assert found.right
    assert all(0 <= answer.late <= answer.seconds for answer in answers)
    assert {answer.number for answer in answers} == set(range(len(bodies)))


def test_a_wrong_answer_is_noticed(lite_server: Server, bodies: list[bytes], wanted: list[Any]) -> None:
    answers = closed_loop(lite_server.port, [http_request(bodies[0])], 1, 0.01)
    assert check(answers, wanted).right
    assert not check(answers, wanted[1:]).right
    assert check(answers, wanted[1:], wanted).versions == [1] * len(answers)


def test_a_killed_server_comes_back_at_its_port(exported: Path, bodies: list[bytes], wanted: list[Any]) -> None:
    code = serving_code(exported / "model.tflite")
    server = Server(code)
    try:
        assert check(closed_loop(server.port, [http_request(bodies[0])], 8, 0.2), wanted).right
        server.kill()
        server = Server(code, port=server.port)
        found = check(closed_loop(server.port, [http_request(bodies[0])], 8, 0.2), wanted)
        assert found.right
        assert not found.errors
    finally:
        server.kill()


@pytest.mark.parametrize(("max_batch", "workers"), [(32, 1), (1, 2), (3, 2)])
def test_nobody_is_forgotten(max_batch: int, workers: int) -> None:
    """Hundreds of threads, of which only those are woken that have something to do."""

    def double(_: str, inputs: Any) -> dict[str, np.ndarray]:
        return {"double": np.asarray(inputs["number"]) * 2}

    batcher = MicroBatcher(double, max_batch=max_batch, workers=workers, max_waiting=1000, timeout_seconds=PATIENCE)

    def ask(number: int) -> list[int]:
        return batcher("serving_default", {"number": np.array([number])}, 1)["double"].tolist()

    with ThreadPoolExecutor(200) as pool:
        assert list(pool.map(ask, range(2000), timeout=PATIENCE)) == [[2 * number] for number in range(2000)]
    assert batcher.waiting_records == 0
    assert batcher._running == 0


def test_what_is_too_much_is_refused_unread(app: Any, client: Any, monkeypatch: Any) -> None:
    """Reading a large body only to refuse it would be the work that there is no time for."""

    def full(_: Any, count: int = 1) -> None:
        raise Refusal("The server is busy.", 503)

    monkeypatch.setattr(MicroBatcher, "check_room", full)
    for path in ("/predict", "/v1/models/drawings:predict"):
        response = client.post(path, data=b"no JSON")
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "1"
