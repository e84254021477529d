"""A few bundled rows as a CSV, one run trained on them by the command line, and its export."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

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
