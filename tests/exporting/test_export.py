"""Export: both artefacts, the contract, the proof, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from plain_components import PlainEncoder

import multimodal_keras as mk
from multimodal_keras.exporting import ParityError, device_files
from multimodal_keras.exporting.tflite import write_tflite
from multimodal_keras.runtime.artefacts import load

LITE_TOLERANCE = 2e-5


def small_model(clipart, seed=1):
    keras.utils.set_random_seed(seed)
    return mk.build_model(
        {"title": mk.TextModality(6), "image": mk.ImageModality((16, 16), optional=True)},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead(unit="share")},
        encoders={"title": mk.LSTMEncoder(4, embedding_width=4), "image": PlainEncoder()},
        adapt_to=clipart,
    )


@pytest.fixture(scope="module")
def model(clipart):
    return small_model(clipart)


@pytest.fixture(scope="module")
def exported(model, clipart, tmp_path_factory):
    return mk.export(model, tmp_path_factory.mktemp("exported") / "clipart" / "1", sample=clipart, sample_size=24)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.oldest
def test_what_is_written(exported):
    names = {path.name for path in exported.folder.iterdir()}
    assert {"saved_model.pb", "variables", "model.tflite", "contract.json", "parity.json"} <= names
    assert exported.sizes["model.tflite"] == (exported.folder / "model.tflite").stat().st_size
    assert exported.sizes["savedmodel"] > 0
    assert [path.name for path in exported.folder.parent.iterdir()] == ["1"]


def test_the_parity_report(exported):
    report = json.loads((exported.folder / "parity.json").read_text())
    assert report == exported.parity
    assert report["records"] == 24
    assert report["tolerances"] == {"savedmodel": 1e-5, "tflite": 1e-4}
    ways = {(row["way"], row["records"]) for row in report["rows"]}
    answers = ("Keras", "SavedModel, raw", "SavedModel, tensors", "SavedModel, explain", "TFLite")
    assert ways == {(way, which) for way in answers for which in ("all", "without image")}
    for row in report["rows"]:
        assert set(row["metrics"]) == {"subject accuracy", "colourful mae"}
        if row["way"] != "Keras":
            assert row["passed"]
            assert row["largest_difference"] == max(row["differences"].values()) <= row["tolerance"]
            assert row["argmax_flips"] == {"subject": 0}
    assert "TFLite" in str(exported)
    assert "24 records" in str(exported)


def test_the_contract(exported, model):
    facts = json.loads((exported.folder / "contract.json").read_text())
    assert facts["format"] == 1
    assert set(facts["package"]) == {"multimodal_keras", "tensorflow", "keras"}
    assert facts["modalities"]["title"]["vocabulary"] == list(mk.parts(model).modalities["title"].vocabulary)
    assert [facts["modalities"][field]["optional"] for field in ("image", "title")] == [True, False]
    assert facts["tasks"]["colourful"]["unit"] == "share"
    assert len(facts["tasks"]["subject"]["labels"]) == 4
    raw = facts["signatures"]["serving_default"]
    assert raw["inputs"]["image"] == {"shape": [None], "dtype": "string"}
    assert raw["outputs"]["subject"] == {"shape": [None, 4], "dtype": "float32", "range": [0.0, 1.0]}
    assert set(facts["signatures"]) == {"serving_default", "tensors", "embed", "explain"}
    explained = facts["signatures"]["explain"]["outputs"]
    assert set(explained) == {f"{task}{end}" for task in facts["tasks"] for end in ("", "_contributions", "_baseline")}
    assert explained["subject_contributions"]["shape"] == [None, 2, 4]
    assert "in the order image, title" in explained["subject_contributions"]["meaning"]
    assert explained["subject_baseline"]["shape"] == [None, 4]
    lite = facts["tflite"]
    assert lite["inputs"]["image"] == {"shape": [1, 16, 16, 3], "dtype": "uint8", "range": [0, 255]}
    assert lite["inputs"]["image_present"]["dtype"] == "bool"
    assert "ignored" in lite["inputs"]["image_present"]["meaning"]
    assert lite["outputs"]["subject"]["shape"] == [1, 4]


@pytest.mark.oldest
def test_both_artefacts_answer_raw_records(exported, model, clipart):
    """Each reads bytes by itself: TensorFlow in the SavedModel, numpy beside the TFLite file."""
    batch = next(mk.data.raw_batches(clipart.take(6), mk.parts(model).modalities)).raw
    batch["image"][2] = b""
    saved, lite = load(exported.folder), load(exported.folder / "model.tflite")
    expected = saved.outputs(batch)
    for _ in range(2):
        for task, answer in lite.outputs(batch).items():
            np.testing.assert_allclose(answer, expected[task], atol=LITE_TOLERANCE)


FRESH = """
import sys
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
title, image = tf.constant(["a red bird", "red bird"]), tf.constant([b"", open(sys.argv[2], "rb").read()])
answer = loaded.signatures["serving_default"](title=title, image=image)
assert not [name for name in sys.modules if name.startswith("multimodal_keras")]
print(*answer["subject"].numpy().ravel().tolist())
"""


def in_process(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=Path(__file__).parent,
        check=False,
    )


def test_the_savedmodel_needs_nothing_of_ours(exported, clipart):
    path = clipart.folder / next(iter(clipart))["image"]
    done = in_process(FRESH, exported.folder, path)
    assert done.returncode == 0, done.stderr
    raw = {"title": [b"a red bird", b"red bird"], "image": [b"", path.read_bytes()]}
    expected = load(exported.folder).outputs(raw)["subject"]
    np.testing.assert_allclose(np.array(done.stdout.split(), float), expected.ravel(), atol=1e-6)


def test_a_corrupted_artefact_is_refused(clipart, model, tmp_path, monkeypatch):
    """A file of other weights is found out by its numbers, and nothing is left in place."""
    other = small_model(clipart, seed=99)
    monkeypatch.setattr(device_files, "write_tflite", lambda model, path, **_: write_tflite(other, path))
    with pytest.raises(ParityError, match=r"(?s)nothing was written.*TFLite, all: .* > 1e-04"):
        mk.export(model, tmp_path / "1", sample=clipart, sample_size=4)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_export_leaves_the_old_one(clipart, model, exported, monkeypatch):
    before = content(exported.folder)

    def fail(model, path, **_):
        raise ValueError("the converter refused")

    monkeypatch.setattr(device_files, "write_tflite", fail)
    with pytest.raises(ValueError, match=r"the converter refused"):
        mk.export(model, exported.folder, sample=clipart, sample_size=4)
    assert content(exported.folder) == before
    assert [path.name for path in exported.folder.parent.iterdir()] == ["1"]


KILLED = """
import os, signal, sys
sys.path.insert(0, "..")
import multimodal_keras as mk
import keras
import plain_components
from multimodal_keras.exporting import device_files
device_files.write_tflite = lambda model, path, **_: os.kill(os.getpid(), signal.SIGKILL)
mk.export(keras.saving.load_model(sys.argv[1]), sys.argv[2], sample=mk.data.clipart(), sample_size=4)
"""


@pytest.mark.slow
def test_a_kill_leaves_the_old_export(model, exported, tmp_path):
    before = content(exported.folder)
    model.save(tmp_path / "model.keras")
    done = in_process(KILLED, tmp_path / "model.keras", exported.folder)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert content(exported.folder) == before
    for path in exported.folder.parent.glob(".1-*"):
        assert path.is_dir()


def test_without_tflite_an_old_export_is_replaced(clipart, model, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "contract.json").write_text("{}")
    (tmp_path / "1" / "old").write_text("")
    done = mk.export(model, tmp_path / "1", sample=clipart.take(4), tflite=False)
    assert not (tmp_path / "1" / "old").exists()
    assert not (tmp_path / "1" / "model.tflite").exists()
    assert set(done.sizes) == {"savedmodel"}
    assert {row["way"] for row in done.parity["rows"]} == {
        "Keras",
        *(f"SavedModel, {signature}" for signature in ("raw", "tensors", "explain")),
    }


def test_places_and_samples_that_are_refused(clipart, model, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"An export replaces an earlier export only"):
        mk.export(model, tmp_path, sample=clipart)
    with pytest.raises(ValueError, match=r"An export replaces an earlier export only"):
        mk.export(model, tmp_path / "thesis.txt", sample=clipart)
    with pytest.raises(ValueError, match=r"Received an empty sample"):
        mk.export(model, tmp_path / "1", sample=mk.data.Records.of([]))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@mk.register
class StringEncoder(PlainEncoder):
    """Needs an op that no phone has."""

    def call(self, features, step_mask=None, training=None):
        import tensorflow as tf

        numbers = tf.strings.to_number(tf.strings.as_string(tf.cast(features, "float32")))
        return super().call(tf.ensure_shape(numbers, features.shape), step_mask)


def test_an_op_that_no_phone_has_is_refused(clipart, tmp_path):
    model = mk.build_model(
        {"title": mk.TextModality(3, vocabulary=["cat"])},
        {"subject": mk.ClassificationHead(labels=["a", "b"])},
        encoders={"title": StringEncoder()},
    )
    with pytest.raises(ValueError, match=r"built-in ops only.*AsString in the layer 'title_encoder'.*tflite=False"):
        write_tflite(model, tmp_path / "model.tflite")
    assert not (tmp_path / "model.tflite").exists()
