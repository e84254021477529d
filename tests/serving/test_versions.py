"""A model's folder while versions come, break and go."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from serving_values import b64

import multimodal_keras as mk
from multimodal_keras.serving.versions import Versions

PATIENCE = 60


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A model's folder with version 3."""
    shutil.copytree(exported, tmp_path / "drawings" / "3")
    return tmp_path / "drawings"


def number_of(path: Path) -> int:
    if (path / "broken").exists():
        raise ValueError("broken")
    return int(path.name)


def make(folder: Path, number: int, *, broken: bool = False) -> Path:
    version = folder / str(number)
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_text("")
    if broken:
        (version / "broken").write_text("")
    return version


def test_the_newest_by_number_is_served(tmp_path: Path) -> None:
    for number in (9, 10, 2):
        make(tmp_path, number)
    (tmp_path / "11").mkdir()  # nothing in it yet
    (tmp_path / "notes").mkdir()
    versions = Versions(tmp_path, number_of, PATIENCE)
    assert versions.current == 10
    make(tmp_path, 12)
    versions.refresh()
    assert versions.current == 12
    shutil.rmtree(tmp_path / "12")
    versions.refresh()
    assert versions.current == 10


def test_a_broken_version_is_tried_once_and_again_when_it_is_whole(tmp_path: Path, caplog: Any) -> None:
    make(tmp_path, 1)
    versions = Versions(tmp_path, number_of, PATIENCE)
    broken = make(tmp_path, 2, broken=True)
    for _ in range(3):
        versions.refresh()
    assert versions.current == 1
    assert caplog.text.count("Version 2 of") == 1
    (broken / "broken").unlink()
    versions.refresh()
    assert versions.current == 2


def test_a_folder_of_broken_versions_is_refused(tmp_path: Path) -> None:
    make(tmp_path, 1, broken=True)
    with pytest.raises(ValueError, match="broken"):
        Versions(tmp_path, number_of, PATIENCE)


def test_nobody_notices_an_exchange(folder: Path, clipart: Any, pictures: list[bytes]) -> None:
    """Clients ask without a pause while version 4 comes, a broken version 5 comes, and version 4 goes."""
    other = mk.build_model(
        {"title": mk.TextModality(sequence_length=4, optional=True), "image": mk.ImageModality(size=(16, 16))},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()},
        encoders={"title": "LSTMEncoder", "image": mk.Conv2DEncoder()},
        adapt_to=clipart,
    )
    made = mk.export(other, folder.parent / "made", sample=clipart, sample_size=4, tflite=False).folder
    app = mk.serving.create_app(folder, poll_seconds=0.05)
    body = {"title": "cat", "image": b64(pictures[0])}
    stop, statuses, answers = threading.Event(), [], []

    def client() -> None:
        while not stop.is_set():
            response = app.test_client().post("/predict", json=body)
            statuses.append(response.status_code)
            answers.append(response.get_json()["answers"][0]["colourful"]["value"])

    def until(version: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while app.test_client().get("/healthz").get_json()["version"] != version:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        count = len(statuses)
        while len(statuses) < count + 20:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(client) for _ in range(4)]
        try:
            until("3")
            made.rename(folder / "4")
            until("4")
            assert app.test_client().get("/v1/models/drawings/versions/3").status_code == 404
            (folder / "5").mkdir()
            (folder / "5" / "saved_model.pb").write_bytes(b"broken")
            until("4")
            (folder / "4").rename(folder.parent / "gone")
            until("3")
        finally:
            stop.set()
        for finished in running:
            finished.result(PATIENCE)
    assert set(statuses) == {200}
    # What the one model says or what the other says, and never anything between.
    low, high = min(answers), max(answers)
    assert high - low > 1e-3
    assert all(min(answer - low, high - answer) < 1e-5 for answer in answers)
