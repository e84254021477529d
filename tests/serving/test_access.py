"""Keys and origins: who may ask, over every path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from serving_values import b64

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.serving.access import new_key

PAGE = "https://example.org"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.txt"


@pytest.fixture(scope="module")
def key(key_file: Path) -> str:
    new_key("somebody", key_file)
    return new_key("me", key_file)


@pytest.fixture(scope="module")
def guarded(exported: Path, key_file: Path, key: str) -> Any:
    return mk.serving.create_app(exported, api_keys=key_file, origins=[PAGE]).test_client()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/predict"),
        ("POST", "/api/multimodal"),
        ("POST", "/v1/models/drawings:predict"),
        ("POST", "/V1/models/drawings:predict"),
        ("GET", "/v1/models/drawings/metadata"),
        ("GET", "/metrics"),
        ("GET", "/nowhere"),
    ],
)
def test_nothing_is_told_without_a_key(guarded: Any, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic wrong"}, {"X-API-Key": ""}):
        response = guarded.open(path, method=method, headers=headers, data=b"{")
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert "needs a key" in response.get_json()["error"]


def test_a_key_opens_and_probes_need_none(guarded: Any, key: str, pictures: list[bytes]) -> None:
    body = {"image": b64(pictures[0])}
    for headers in ({"Authorization": f"Bearer {key}"}, {"authorization": f"bearer  {key} "}, {"X-API-Key": key}):
        assert guarded.post("/predict", json=body, headers=headers).status_code == 200
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code == 200


def test_only_hashes_are_kept(key_file: Path, key: str) -> None:
    lines = key_file.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["somebody", "me"]
    assert key not in key_file.read_text()
    assert len(key) >= 40


def test_browsers_hear_which_pages_may_ask(guarded: Any, key: str) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    leave = guarded.options("/predict", headers=asked)
    assert leave.status_code == 204
    assert leave.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Authorization" in leave.headers["Access-Control-Allow-Headers"]
    answer = guarded.get("/v1/models/drawings", headers={"Origin": PAGE, "X-API-Key": key})
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Origin" in answer.headers["Vary"]
    for origin in ("https://example.org.evil.test", "null", "http://example.org"):
        for response in (
            guarded.options("/predict", headers={**asked, "Origin": origin}),
            guarded.get("/healthz", headers={"Origin": origin}),
        ):
            assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "Keys are read from a file"), ("", "which is empty"), ("me secret\n", "a name and a SHA-256.*in line 1")],
)
def test_files_of_keys_that_are_none(exported: Path, tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "keys.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=message):
        mk.serving.create_app(exported, api_keys=file)


def test_keys_from_the_command_line(tmp_path: Path, capsys: Any) -> None:
    file = str(tmp_path / "keys.txt")
    assert main(["key", "app", "--file", file]) == 0
    assert len(capsys.readouterr().out.strip()) >= 40
    assert main(["key", "app", "--file", file]) == 2
    assert main(["key", "two words", "--file", file]) == 2
    assert "a name of its own" in capsys.readouterr().err
