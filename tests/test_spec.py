"""Run files: what is read, and what is refused by name."""

from __future__ import annotations

import json

import pytest

from multimodal_keras.spec import RunSpec, SplitOptions, TrainingOptions, make, make_spec, read_spec

LEAST = {
    "data": "train.csv",
    "modalities": {"text": "TextModality"},
    "heads": {"topic": "ClassificationHead"},
    "output": "runs/1",
}

YAML = """
data: train.csv
modalities:
  text: {class_name: TextModality, config: {sequence_length: 8}}
heads: {topic: ClassificationHead}
output: runs/1
split: {fractions: [0.7, 0.3], by: topic}
training: {epochs: 3, learning_rate: 1e-3, cache: null}
plugins: [mine.py]
"""


@pytest.mark.oldest
def test_a_yaml_file(tmp_path):
    (tmp_path / "run.yaml").write_text(YAML)
    spec = make_spec(read_spec(tmp_path / "run.yaml"))
    assert spec.split == SplitOptions(fractions=(0.7, 0.3), by="topic")
    assert spec.training == TrainingOptions(epochs=3, learning_rate=1e-3, cache=None)
    assert spec.modalities["text"]["config"] == {"sequence_length": 8}
    assert spec.plugins == ("mine.py",)
    assert spec.fusion == "ConcatFusion"
    assert make_spec(spec.to_dict()) == spec
    (tmp_path / "run.json").write_text(json.dumps(spec.to_dict()))
    assert make_spec(read_spec(tmp_path / "run.json")) == spec


def test_the_least():
    assert make_spec(LEAST) == RunSpec(**LEAST)
    assert make_spec({**LEAST, "split": "part"}).split == "part"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heds": {}}, r"Unknown field heds. Did you mean heads\?"),
        ({"zzzz": 1}, r"Unknown field zzzz. Known: data, modalities"),
        ({"training": {"epoch": 1}}, r"Unknown field training.epoch. Did you mean training.epochs\?"),
        ({"split": {"fraction": 1}}, r"Did you mean split.fractions\?"),
        ({"training": {"epochs": "ten"}}, r"training.epochs is int. Received 'ten' of type str"),
        ({"training": {"epochs": True}}, r"training.epochs is int. Received True of type bool"),
        ({"training": {"epochs": 0}}, r"epochs is above 0. Received 0"),
        ({"training": {"schedule": "linear"}}, r"schedule is one of constant, cosine. Received 'linear'"),
        ({"training": {"on_error": "ignore"}}, r"on_error is one of raise, skip. Received 'ignore'"),
        ({"training": 3}, r"training holds fields and values. Received 3"),
        ({"modalities": ["text"]}, r"modalities is dict.* Received \['text'\] of type list"),
        ({"plugins": "mine.py"}, r"plugins is tuple.* Received 'mine.py'"),
        ({"seed": 1.5}, r"seed is int. Received 1.5 of type float. Write a whole number"),
        ({"training": {"schemes": "UnimodalScheme"}}, r"schemes is tuple.* Received 'UnimodalScheme' .* Write a list"),
        (
            {"training": {"clip_norm": -1.0}},
            r"clip_norm is above 0. Received -1.0. Raise it, or leave it out with None",
        ),
        ({"training": {"patience": 0}}, r"patience is above 0. Received 0. Raise it, or leave"),
        ({"training": {"weight_decay": -1}}, r"weight_decay is 0 or more. Received -1. Raise it"),
        ({"training": {"warmup_steps": -5}}, r"warmup_steps is 0 or more. Received -5"),
        ({"training": {"seed": -1}}, r"seed is 0 or more. Received -1"),
    ],
)
def test_wrong_fields_are_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        make_spec({**LEAST, **change})


def test_missing_fields_are_named():
    with pytest.raises(ValueError, match=r"A run names heads, output. Received none"):
        make_spec({"data": "a", "modalities": {}})


def test_numbers_that_yaml_takes_for_text():
    assert make(TrainingOptions, {"learning_rate": "1e-3", "weight_decay": 0}).learning_rate == 1e-3


def test_specs_are_frozen():
    with pytest.raises(AttributeError):
        make_spec(LEAST).seed = 3


@pytest.mark.parametrize(
    ("content", "message"),
    [("[1, 2]", r"with a list"), ("a: [", r"cannot be read"), (None, r"Received .*run.yaml', which cannot be read")],
)
def test_files_that_are_no_run(tmp_path, content, message):
    if content is not None:
        (tmp_path / "run.yaml").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_spec(tmp_path / "run.yaml")
