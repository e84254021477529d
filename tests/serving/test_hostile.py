"""Every hostile request gets a refusal in a sentence, and leaves the server as it was."""

from __future__ import annotations

import gc
import itertools
import json
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hostile import HostileRequest, corpus, good_requests, hostile_requests

MODEL, SEED, MUTATIONS = "drawings", 20_240_501, 600
# What would tell of the machine or the program. What the client sent itself may come back, and holds none of these.
SECRETS = ("Traceback", 'File "', "site-packages", ".py", "multimodal_keras/", "tensorflow/", "{{node", "0x7f")
FOLDERS = (str(Path.home()), tempfile.gettempdir(), str(Path(__file__).parents[2]))


def send(client: Any, request: HostileRequest) -> Any:
    """As it stands in the request line: a test's client would tidy up the path."""
    path, _, query = request.path.partition("?")
    raw = {"REQUEST_URI": request.path, "RAW_URI": request.path, "QUERY_STRING": query}
    raw["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
    return client.open(method=request.method, headers=request.headers, data=request.body, environ_overrides=raw)


def check(request: HostileRequest, response: Any) -> None:
    said = f"{request.name}: {response.status_code} {response.get_data(as_text=True)[:300]}"
    if response.status_code == 200 and not request.is_wrong:
        return
    assert 400 <= response.status_code < 500, said
    assert response.content_type == "application/json", said
    if request.method == "HEAD":
        return
    body = json.loads(response.get_data())
    assert set(body) == {"error"}, said
    assert 0 < len(body["error"]) < 1_000, said
    assert "\n" not in body["error"], said
    for secret in SECRETS + FOLDERS:
        assert secret not in body["error"], said


def answers(client: Any, contract: Any) -> list[Any]:
    responses = [send(client, request) for request in good_requests(contract, MODEL)]
    assert [response.status_code for response in responses] == [200] * len(responses)
    return [response.get_json() for response in responses]


@pytest.mark.parametrize("kind", ["saved", "lite"])
def test_the_whole_corpus_is_refused(client: Any, lite: Any, saved: Any, kind: str) -> None:
    asked = client if kind == "saved" else lite
    before = answers(asked, saved.contract)
    for request in corpus(saved.contract, MODEL):
        check(request, send(asked, request))
    assert answers(asked, saved.contract) == before


def test_mutated_requests_are_answered_or_refused(client: Any, saved: Any) -> None:
    before = answers(client, saved.contract)
    count = len(list(corpus(saved.contract, MODEL)))
    statuses = set()
    for request in itertools.islice(hostile_requests(saved.contract, SEED, MODEL), count, count + MUTATIONS):
        response = send(client, request)
        check(request, response)
        statuses.add(response.status_code)
    assert {200, 400, 404, 405} <= statuses
    assert answers(client, saved.contract) == before


def test_the_same_seed_gives_the_same_requests(saved: Any) -> None:
    one, same, other = (
        list(itertools.islice(hostile_requests(saved.contract, seed, MODEL), 900)) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other
    assert len({request.name for request in one}) > 400


@pytest.mark.parametrize("kind", ["saved", "lite"])
def test_nothing_of_a_request_is_kept(client: Any, lite: Any, saved: Any, kind: str) -> None:
    """A request in a cycle with its error stays until Python looks for cycles, which is seldom beside a million objects."""
    asked = client if kind == "saved" else lite
    requests = [*good_requests(saved.contract, MODEL), *itertools.islice(corpus(saved.contract, MODEL), 0, None, 4)]
    for request in requests[:8]:
        send(asked, request)
    gc.collect()
    gc.freeze()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for request in requests:
            send(asked, request)
        gc.collect()
        kept = [kept for kept in gc.garbage if isinstance(kept, (FrameType, BaseException))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.unfreeze()
    assert not kept
