"""`calibrate` on the command line: a run becomes a calibrated run, which knows its records."""

from __future__ import annotations

import csv
import json

import keras
import pytest

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.cli.records import calibration_records

SUBJECTS = ("animals", "food")


@pytest.fixture
def run(tmp_path):
    """A run folder with a model of titles."""
    rows = [{"title": f"{SUBJECTS[number % 2]} {number}", "subject": SUBJECTS[number % 2]} for number in range(40)]
    with (tmp_path / "valid.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["title", "subject"])
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "run").mkdir()
    model = mk.build_model(
        {"title": mk.TextModality(sequence_length=3)},
        {"subject": mk.ClassificationHead()},
        encoders={"title": "BagOfWordsEncoder"},
        adapt_to=rows,
    )
    model.save(tmp_path / "run" / "model.keras")
    return tmp_path / "run"


def test_a_run_becomes_a_calibrated_run(run, capsys):
    data = str(run.parent / "valid.csv")
    flags = ["--coverage", "0.8", "--recall", "0.5", "--ood", "none", "--scaling", "vector"]
    assert main(["calibrate", str(run), "--data", data, "--test", data, *flags]) == 0
    said = capsys.readouterr().out
    assert "expected calibration error" in said
    assert "promised" in said
    folder = run / "calibrated"
    assert said.strip().endswith(str(folder))
    model = keras.saving.load_model(folder / "model.keras")
    assert sorted(model.output) == ["subject", "subject_accepted", "subject_set"]
    facts = json.loads((folder / "calibration.json").read_text())
    assert facts["options"] == {"coverage": 0.8, "recall": 0.5, "ood": None, "scaling": "vector"}
    assert len(calibration_records(folder)) == 40
    assert calibration_records(run) is None
    plots = {path.name for path in (folder / "plots").iterdir()}
    assert plots == {"subject_reliability_before.png", "subject_reliability_after.png"}


def test_a_wrong_share_is_the_users_mistake(run, capsys):
    assert main(["calibrate", str(run), "--data", str(run.parent / "valid.csv"), "--coverage", "90"]) == 2
    assert "coverage is a share above 0 and below 1" in capsys.readouterr().err
