"""A few bundled rows as a CSV, one run trained on them by the command line, and its export."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest
import yaml
from batch_files import MANY, written

import multimodal_keras as mk
from multimodal_keras.cli import main

SUBJECTS, PARTS = 3, {"train": 12, "valid": 4, "test": 4}


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 rows: of each of three subjects 12 to train on, 4 to validate and 4 to test."""
    records = mk.data.clipart()
    subjects = sorted({record["subject"] for record in records})[:SUBJECTS]
    chosen: list[dict[str, object]] = []
    for subject in subjects:
        for part, count in PARTS.items():
            found = [record for record in records if (record["subject"], record["split"]) == (subject, part)]
            chosen += [{**record, "image": str(records.folder / record["image"])} for record in found[:count]]
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(chosen[0]))
        writer.writeheader()
        writer.writerows(chosen)
    return path


@pytest.fixture(scope="session")
def spec(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in one file: a small model whose fields may both be missing, and more epochs than a test has time for."""
    content = {
        "data": str(rows),
        "split": "split",
        "modalities": {
            "title": {"class_name": "TextModality", "config": {"sequence_length": 6, "optional": True}},
            "image": {"class_name": "ImageModality", "config": {"size": [24, 24], "optional": True}},
        },
        "encoders": {
            "title": {"class_name": "LSTMEncoder", "config": {"units": 8, "embedding_width": 8}},
            "image": {"class_name": "Conv2DEncoder", "config": {"filters": [8, 16]}},
        },
        "heads": {"subject": "ClassificationHead", "colourful": "RegressionHead"},
        "training": {"epochs": 50, "batch_size": 16},
        "output": "not/used",
    }
    path = tmp_path_factory.mktemp("spec") / "run.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def run(spec: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder."""
    folder = tmp_path_factory.mktemp("runs") / "clipart"
    assert main(["train", str(spec), "--epochs", "1", "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 of its export."""
    folder = tmp_path_factory.mktemp("exported") / "clipart" / "1"
    assert main(["export", str(run), "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def batch_export(clipart: mk.data.Records, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model that reads titles, with a head of each kind."""
    model = mk.build_model(
        {"title": mk.TextModality(4)},
        {
            "subject": mk.ClassificationHead(),
            "colourful": mk.RegressionHead(),
            "tags": mk.MultiLabelHead(labels=["a", "b, c"]),
        },
        encoders={"title": mk.EmbeddingEncoder(embedding_width=4)},
        adapt_to=clipart,
    )
    return mk.export(model, tmp_path_factory.mktemp("batch") / "1", sample=clipart, sample_size=4).folder


@pytest.fixture(scope="session")
def batch_model(batch_export: Path) -> str:
    """Its TFLite file."""
    return str(batch_export / "model.tflite")


@pytest.fixture(scope="session")
def titles() -> list[str]:
    """2,494 real ones."""
    return [record["title"] for record in mk.data.clipart()]


@pytest.fixture
def few(titles: list[str], tmp_path: Path) -> Path:
    """150 rows: two batches and a part of one."""
    return written(tmp_path / "few.csv", titles[:150])


@pytest.fixture
def broken(titles: list[str], tmp_path: Path) -> Path:
    """150 rows, of which the 70th has no title, and the 71st a cell too many."""
    path = written(tmp_path / "broken.csv", [*titles[:69], "", *titles[70:150]])
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[71] += ",surplus"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def many(titles: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 rows."""
    return written(tmp_path_factory.mktemp("many") / "many.csv", itertools.islice(itertools.cycle(titles), MANY))
