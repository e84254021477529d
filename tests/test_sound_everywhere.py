"""Sounds give the same answers from every artefact and server, absent ones too."""

from __future__ import annotations

import argparse
import base64
import io
import json

import keras
import numpy as np
import odd_sounds
import pytest
from ai_edge_litert.interpreter import Interpreter
from odd_sounds import wav

import multimodal_keras as mk
from multimodal_keras.base import parts
from multimodal_keras.cli import main
from multimodal_keras.cli.fields import add_field_flags, named_fields
from multimodal_keras.exporting import contract
from multimodal_keras.runtime.comparison import Promise, compare

RATE = 8000
TIME = np.arange(RATE // 3) / RATE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for each class: low and high tones, of several lengths and rates."""
    random, place = np.random.default_rng(6), tmp_path_factory.mktemp("tones")
    for label, hertz in (("low", 300), ("high", 1500)):
        (place / label).mkdir()
        for number in range(8):
            rate = (8000, 11_025, 16_000)[number % 3]
            time = np.arange(int(rate * random.uniform(0.2, 0.5))) / rate
            tone = 0.3 * np.sin(2 * np.pi * hertz * random.uniform(0.8, 1.25) * time)
            content = wav(tone + random.normal(0, 0.01, len(tone)), rate=rate)
            (place / label / f"{number}.wav").write_bytes(content)
    return place


@pytest.fixture(scope="module")
def records(folder):
    return mk.data.read(folder, file_field="audio")


@pytest.fixture(scope="module")
def model(records):
    """Trained, with augmentation; the second field is MFCC, and mostly missing."""
    keras.utils.set_random_seed(2)
    rows = [{**record, "echo": record["audio"] if row % 3 else None} for row, record in enumerate(records)]
    both = mk.data.Records.of(rows, folder=records.folder)
    augmentation = {"snr_db": [10, 30], "shift_seconds": 0.02, "gain_db": 3, "time_masks": 1, "frequency_masks": 1}
    augmentation |= {"time_mask_frames": 4, "frequency_mask_bands": 2}
    mfcc = {"n_mels": 16, "n_mfcc": 8, "deltas": 1}
    model = mk.build_model(
        {
            "audio": mk.AudioModality(RATE, 0.3, spectrum={"n_mels": 16}, augmentation=augmentation, optional=True),
            "echo": mk.AudioModality(RATE, 0.3, features="mfcc", spectrum=mfcc, max_seconds=2, optional=True),
        },
        {"label": mk.ClassificationHead()},
        encoders={"audio": mk.Conv2DEncoder((16, 16)), "echo": mk.Conv1DEncoder(4, kernel_sizes=(3,))},
        adapt_to=both,
    )
    mk.fit(model, both, epochs=25, batch_size=4, learning_rate=1e-2, verbose=0, seed=1)
    return model


@pytest.fixture(scope="module")
def exported(model, records, tmp_path_factory):
    rows = [{**record, "echo": record["audio"]} for record in records]
    place, both = tmp_path_factory.mktemp("exported") / "tones" / "1", mk.data.Records.of(rows, folder=records.folder)
    return mk.export(model, place, sample=both, calibration=both, quantize=["float32", "dynamic", "int8"])


@pytest.fixture(scope="module")
def rows():
    odd = odd_sounds.accepted()
    tone = wav(0.3 * np.sin(2 * np.pi * 300 * TIME))
    values = [tone, *(odd[name] for name in ("44100 Hz", "extensible 3-32", "one sample", "silence", "streaming size"))]
    return [{"audio": value, "echo": tone} for value in values] + [{"audio": tone}, {"echo": tone}, {"audio": None}]


def test_it_learns_from_a_folder_of_files(model, records):
    assert (
        np.mean(
            [
                answer["label"]["label"] == record["label"]
                for answer, record in zip(mk.predict(model, records), records, strict=True)
            ]
        )
        > 0.9
    )


def test_all_answers_are_the_same(model, exported, rows):
    expected = probabilities(mk.predict(model, rows))
    lite = mk.runtime.load(exported.folder / "model.tflite")
    for other in (mk.predict(exported.folder, rows), lite.predict(rows), lite.predict(rows)):
        np.testing.assert_allclose(probabilities(other), expected, atol=2e-5)
    client = mk.serving.create_app(exported.folder).test_client()
    body = [{field: b64(value) for field, value in row.items() if value} for row in rows[:-1]]
    np.testing.assert_allclose(probabilities(answers(client, body)), expected[:-1], atol=2e-5)
    one = client.post("/predict", data={"audio": (io.BytesIO(rows[0]["audio"]), "a.wav")})
    alone = probabilities(mk.predict(model, [{"audio": rows[0]["audio"]}]))
    np.testing.assert_allclose(probabilities(one.get_json()["answers"]), alone, atol=2e-5)


def test_small_files_answer_alike(model, exported, records):
    """A spectrum is float32 in every file, so that eight bits of weights are all that is lost."""
    expected = probabilities(mk.predict(model, records))
    for name in ("model.dynamic.tflite", "model.int8.tflite"):
        found = probabilities(mk.runtime.load(exported.folder / name).predict(records))
        assert abs(found - expected).max() < 0.05, name


def test_a_bad_sound_fails_alone_and_says_why(exported, rows):
    for path in (exported.folder, exported.folder / "model.tflite"):
        client = mk.serving.create_app(path).test_client()
        for name, data in odd_sounds.refused().items():
            if name in ("a rate with nothing in common", "too long"):
                continue
            body = [{"audio": b64(rows[0]["audio"])}, {"audio": b64(data)}]
            response = client.post("/predict", json={"records": body})
            assert response.status_code == 400, name
            error = response.get_json()["error"]
            assert "records[1]" in error
            assert " must " in error, error


def test_long_sounds_are_told_by_their_headers(exported, monkeypatch):
    client = mk.serving.create_app(exported.folder, max_request_seconds=30).test_client()
    second = {"audio": b64(wav(np.zeros(RATE), bits=8))}
    assert client.post("/predict", json={"records": [second] * 30}).status_code == 200
    long = {"audio": "", "echo": b64(wav(np.zeros(2 * RATE + 1), bits=8))}
    refused = client.post("/predict", json={"records": [long]})
    assert refused.status_code == 400
    assert "must not be longer" in refused.get_json()["error"]
    monkeypatch.setattr("multimodal_keras.serving.model.ServedModel._call", pytest.fail)
    response = client.post("/predict", json={"records": [second] * 31})
    assert response.status_code == 413
    assert "at most 30 seconds together. Received 31" in response.get_json()["error"]


def test_an_hour_costs_no_more_than_its_part():
    audio = mk.AudioModality(RATE, 0.3, max_seconds=1e4)
    hour = wav(np.zeros(RATE * 3600), bits=8, rate=RATE)
    assert audio.decode([hour])[0].shape == (1, audio.samples)


def test_the_contract_and_the_file_tell_what_to_send(model, exported, capsys):
    facts = contract(model)["modalities"]["audio"]
    assert {name: facts[name] for name in ("kind", "sampling_rate", "samples", "crop", "max_seconds", "range")} == {
        "kind": "audio",
        "sampling_rate": RATE,
        "samples": 2400,
        "crop": "middle",
        "max_seconds": 600.0,
        "range": [-1.0, 1.0],
    }
    assert main(["inspect", str(exported.folder / "model.tflite")]) == 0
    assert "(1, 2400)" in capsys.readouterr().out
    names = {operator["op_name"] for operator in Interpreter(str(exported.folder / "model.tflite"))._get_ops_details()}
    assert "RFFT2D" in names
    assert not [name for name in names if name.startswith("Flex")]


def test_other_rates_break_phones_and_other_limits_break_senders(model):
    old = contract(model)
    breaks = {"sampling_rate": ("device",), "crop": ("device",), "max_seconds": ("raw",)}
    for name, expected in breaks.items():
        new = json.loads(json.dumps(old))
        new["modalities"]["audio"][name] = {"crop": "start"}.get(name, 1)
        found = compare(Promise(old, ("raw", "device"), {}), Promise(new, ("raw", "device"), {})).differences
        assert [difference.breaks for difference in found] == [expected], name


def test_the_bundle_makes_up_sounds(exported, tmp_path):
    mk.bundle(exported.folder, tmp_path / "bundle")
    request = next((tmp_path / "bundle").rglob("request.json"))
    record = json.loads(request.read_text(encoding="utf-8"))
    assert "audio" in json.dumps(record)


def test_the_model_reloads_with_what_it_learned(model, rows, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert parts(again).modalities["audio"].get_config() == parts(model).modalities["audio"].get_config()
    np.testing.assert_array_equal(probabilities(mk.predict(again, rows)), probabilities(mk.predict(model, rows)))


def test_a_column_of_paths_and_a_flag(folder):
    paths = sorted(folder.rglob("*.wav"))
    data = folder / "tones.csv"
    rows = "\n".join(f"{path.relative_to(folder)},{path.parent.name}" for path in paths)
    data.write_text(f"sound,label\n{rows}\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    add_field_flags(parser)
    fields = named_fields(parser.parse_args(["--audio", "sound", "--classify", "label", "--optional", "sound"]))
    audio = mk.get(fields["modalities"]["sound"], mk.Modality)
    assert isinstance(audio, mk.AudioModality)
    assert audio.optional
    read = mk.data.read(data)
    assert [audio.read(record["sound"], read.folder) for record in read] == [path.read_bytes() for path in paths]


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


def answers(client, body):
    response = client.post("/predict", json={"records": body})
    assert response.status_code == 200, response.get_json()
    return response.get_json()["answers"]


def probabilities(found):
    return np.array([[answer["label"]["probabilities"][label] for label in ("high", "low")] for answer in found])
