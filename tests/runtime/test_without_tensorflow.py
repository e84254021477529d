"""The smallest installation: the wheel, numpy, Pillow and LiteRT predict with, look into and serve a lone TFLite file."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
import urllib.request
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

import multimodal_keras as mk

ROOT = Path(__file__).parents[2]
RUN, SERVE = ("numpy", "pillow", "ai-edge-litert"), ("flask", "waitress")
ABSENT = ("tensorflow", "keras", "pandas", "pyarrow", "sklearn", "wrapt", "yaml", "h5py")
PREDICT = """
import json, sys, multimodal_keras as mk
print(json.dumps(mk.runtime.load("model.tflite").predict(json.load(sys.stdin))))
"""
START_SECONDS = 60
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Installation:
    """An environment, and a folder with nothing but the file."""

    programs: Path
    folder: Path

    def start(self, program, *arguments):
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return subprocess.Popen(
            [self.programs / program, *map(str, arguments)],
            cwd=self.folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, program, *arguments, told=""):
        process = self.start(program, *arguments)
        said, complained = process.communicate(told, timeout=120)
        assert process.returncode == 0, complained
        return said, complained


@pytest.fixture(scope="module")
def exported(clipart, tmp_path_factory):
    model = mk.build_model(
        {"title": mk.TextModality(8, optional=True), "image": mk.ImageModality((24, 24), resize="crop")},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()},
        encoders={"title": mk.LSTMEncoder(8, embedding_width=8), "image": mk.Conv2DEncoder((8, 16))},
        adapt_to=clipart,
    )
    return mk.export(
        model, tmp_path_factory.mktemp("exported") / "drawings" / "1", sample=clipart, sample_size=4
    ).folder


@pytest.fixture(scope="module")
def small(wheel, exported, tmp_path_factory):
    environment, folder = tmp_path_factory.mktemp("small") / "env", tmp_path_factory.mktemp("drawings")
    venv.create(environment, with_pip=True)
    for packages in (["--no-deps", str(wheel)], [*RUN, *SERVE]):
        pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(pip, check=True, timeout=600, capture_output=True)
    (folder / "model.tflite").write_bytes((exported / "model.tflite").read_bytes())
    return Installation(environment / "bin", folder)


@pytest.fixture(scope="module")
def rows(clipart):
    titles = ["黑猫和白狗", "", *(record["title"] for record in clipart.take(6))]
    return [
        {"title": title, "image": str(clipart.folder / record["image"])}
        for title, record in zip(titles, clipart, strict=False)
    ]


def assert_same(found, expected):
    for answer, wanted in zip(found, expected, strict=True):
        assert answer["subject"]["label"] == wanted["subject"]["label"]
        assert answer["subject"]["probabilities"] == pytest.approx(wanted["subject"]["probabilities"], abs=1e-4)
        assert answer["colourful"]["value"] == pytest.approx(wanted["colourful"]["value"], abs=1e-4)


def test_tensorflow_is_not_there(small):
    code = f"from importlib.util import find_spec; print([name for name in {ABSENT} if find_spec(name)])"
    assert small.run("python", "-c", code)[0] == "[]\n"


def test_the_readme_names_these_packages():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"pip install {' '.join(RUN)}" in text
    assert " ".join(SERVE) in text


def test_from_python(small, exported, rows):
    said, _ = small.run("python", "-W", "error", "-c", PREDICT, told=json.dumps(rows))
    assert_same(json.loads(said), mk.predict(exported, rows))


def test_predict(small, exported, rows):
    (small.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    said, complained = small.run("multimodal-keras", "predict", "model.tflite", "--data", "rows.jsonl")
    assert complained == "8 records answered, 0 skipped\n"
    assert_same(map(json.loads, said.splitlines()), mk.predict(exported, rows))


def test_predict_into_a_table(small, exported, rows):
    (small.folder / "table.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = ("multimodal-keras", "predict", "model.tflite", "--data", "table.jsonl", "--output")
    small.run(*command, "answers.csv")
    found = list(mk.data.read(small.folder / "answers.csv"))
    assert [answer["subject"] for answer in found] == [
        answer["subject"]["label"] for answer in mk.predict(exported, rows)
    ]
    process = small.start(*command, "answers.parquet")
    _, complained = process.communicate(timeout=120)
    assert process.returncode == 2
    assert complained.startswith("multimodal-keras predict: A .parquet file is written by pyarrow.")


def test_inspect(small):
    said, _ = small.run("multimodal-keras", "inspect", "model.tflite")
    assert "(1, 24, 24, 3)" in said
    assert "may be missing" in said
    said, _ = small.run("multimodal-keras", "inspect", "model.tflite", "--json")
    assert json.loads(said)["tasks"].keys() == {"subject", "colourful"}


def test_serve(small, exported, rows):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{(port := free.getsockname()[1])}"
    server = small.start("multimodal-keras", "serve", "model.tflite", "--port", port)
    try:
        assert get(address, server)["status"] == "ok"
        records = [{**row, "image": {"b64": as_base64(row["image"])}} for row in rows]
        request = urllib.request.Request(f"{address}/predict", json.dumps({"records": records}).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert_same(json.load(answer)["answers"], mk.predict(exported, rows))
    finally:
        server.terminate()
        server.communicate(timeout=30)


def get(address, server):
    """Its health, as soon as it answers."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=10) as answer:
                return json.load(answer)
        except OSError:
            assert server.poll() is None, server.communicate()
            assert time.monotonic() < end
            time.sleep(0.1)


def as_base64(path):
    return base64.b64encode(Path(path).read_bytes()).decode("ascii")
