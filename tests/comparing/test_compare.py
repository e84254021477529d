"""A whole comparison of small models: trained, exported, timed; gone on with; one fusion that fails."""

from __future__ import annotations

import json

import pytest
import yaml

import multimodal_keras as mk
from multimodal_keras.cli import main

BROKEN = """
import multimodal_keras as mk

@mk.register
class BrokenFusion(mk.Fusion):
    def build(self, tokens_shape, masks_shape=None, present_shape=None):
        raise RuntimeError("no way\\nto fuse \\x1b[1mthese\\x1b[0m")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run file over short titles and notes, and a plugin with a fusion that fails."""
    folder = tmp_path_factory.mktemp("run")
    words = {"a": ("red", "warm"), "b": ("blue", "cold")}
    parts = ("train", "train", "valid", "test")
    rows = [
        f"{words[topic][0]} {number},{words[topic][1]} {number},{topic},{parts[number // 2 % 4]}"
        for number in range(48)
        for topic in ["ab"[number % 2]]
    ]
    (folder / "rows.csv").write_text("\n".join(["title,note,topic,split", *rows]))
    (folder / "broken.py").write_text(BROKEN)
    text = {"class_name": "TextModality", "config": {"sequence_length": 2, "optional": True}}
    encoder = {"class_name": "EmbeddingEncoder", "config": {"embedding_width": 4}}
    content = {
        "data": str(folder / "rows.csv"),
        "split": "split",
        "modalities": {"title": text, "note": text},
        "encoders": {"title": encoder, "note": encoder},
        "heads": {"topic": "ClassificationHead"},
        "training": {"epochs": 2, "batch_size": 8, "learning_rate": 0.1},
        "plugins": [str(folder / "broken.py")],
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(content))
    return folder / "run.yaml"


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("compare")


@pytest.fixture(scope="module")
def found(run, output):
    names = ["MeanFusion", "BrokenFusion", "ConcatFusion"]
    return mk.compare(run, fusions=names, seeds=2, output=output, bootstrap=50, verbose=False)


@pytest.mark.slow
def test_what_is_found(found, output):
    assert {row.name for row in found.rows[:2]} == {"MeanFusion", "ConcatFusion"}
    for row in found.rows[:2]:
        assert (row.seeds, row.error) == ([0, 1], None)
        assert set(row.tasks["topic"].subsets) == {"note", "title", "note+title"}
        assert row.tasks["topic"].value > 0.8
        assert 0 < row.tflite_bytes < row.savedmodel_bytes
        assert 0 < row.tflite_seconds < row.savedmodel_seconds
        assert row.largest_difference < 1e-4
        assert row.cpu_seconds > 0
    assert found.rows[2].error == "seed 0: RuntimeError: no way to fuse these"
    assert json.loads((output / "comparison.json").read_text()) == found.to_dict()


@pytest.mark.slow
def test_encoders_begin_alike_and_records_come_in_the_same_order(found, output):
    """Two fusions that draw differently from the generator, with one seed: the same first loss but for the fusion."""
    from multimodal_keras.base import parts
    from multimodal_keras.comparing.jobs import Jobs

    jobs = Jobs(output)
    models = [jobs.model(jobs.spec_of(fusion, 1)) for fusion in ("ConcatFusion", "MeanFusion", "CrossAttentionFusion")]
    first = [parts(model).encoders["note"].get_weights()[0] for model in models]
    titles = [parts(model).encoders["title"].get_weights()[0] for model in models]
    assert all((weights == first[0]).all() for weights in first)
    assert all((weights == titles[0]).all() for weights in titles)
    assert len({json.dumps(parts(model).modalities["note"].get_config()["vocabulary"]) for model in models}) == 1


@pytest.mark.slow
def test_the_same_again_does_nothing_again(found, output, run, capsys):
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file() and path.suffix != ".npy"}
    arguments = ["compare", str(run), "--fusions", "ConcatFusion,MeanFusion", "--seeds", "2", "--output", str(output)]
    assert main([*arguments, "--json"]) == 0
    told = capsys.readouterr()
    assert "0 trainings to do, 4 are finished already" in told.err
    assert "Timing" not in told.err
    rows = json.loads(told.out)["rows"]
    assert [row["tasks"]["topic"]["by_seed"] for row in rows] == [
        row["tasks"]["topic"]["by_seed"] for row in found.to_dict()["rows"][:2]
    ]
    changed = {path.name for path, stamp in before.items() if path.exists() and path.stat().st_mtime_ns != stamp}
    assert changed <= {"comparison.json", "comparison.md", "comparison.txt", "pareto_topic.png", "plan.json"}
    assert main([*arguments, "--epochs", "3"]) == 2
    assert "others: spec.training.epochs" in capsys.readouterr().err
