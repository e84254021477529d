"""Videos, trained, exported, answered by each artefact and served, with absent ones."""

from __future__ import annotations

import base64
import io

import keras
import numpy as np
import pytest
from PIL import Image

import multimodal_keras as mk

RANDOM = np.random.default_rng(0)


def moving(count):
    """A GIF of as many frames."""
    file = io.BytesIO()
    first, *others = [Image.new("RGB", (16, 16), (80 * number, 10, 90)) for number in range(count)]
    first.save(file, "GIF", save_all=True, append_images=others)
    return file.getvalue()


def b64(data):
    return {"b64": base64.b64encode(data).decode("ascii")}


@pytest.fixture(scope="module")
def records():
    clips = [RANDOM.integers(0, 256, (count, 12, 14, 3), "uint8") for count in (1, 2, 3, 5)]
    values = [*clips, None, moving(4), moving(2), None]
    return mk.data.read([{"clip": value, "label": "ab"[row % 2]} for row, value in enumerate(values)])


@pytest.fixture(scope="module")
def model(records):
    keras.utils.set_random_seed(1)
    return mk.build_model(
        {"clip": mk.VideoModality(3, (8, 8), optional=True)},
        {"label": mk.ClassificationHead()},
        encoders={"clip": mk.FrameEncoder(mk.Conv2DEncoder((4, 8)), mk.GRUEncoder(4))},
        adapt_to=records,
    )


@pytest.fixture(scope="module")
def folder(model, records, tmp_path_factory):
    return mk.export(model, tmp_path_factory.mktemp("video") / "1", sample=records, sample_size=8).folder


def probabilities(answers):
    return np.array([list(answer["label"]["probabilities"].values()) for answer in answers])


@pytest.fixture(scope="module")
def expected(model, records):
    return probabilities(mk.predict(model, records))


def test_all_sources_answer_alike(folder, records, expected):
    assert np.ptp(expected[:, 0]) > 1e-3
    for source in (folder, folder / "model.tflite"):
        np.testing.assert_allclose(probabilities(mk.predict(source, records)), expected, atol=1e-5)


@pytest.mark.parametrize("file", ["", "model.tflite"])
def test_a_server_takes_one_gif_or_several_pictures(folder, records, expected, file):
    client = mk.serving.create_app(folder / file if file else folder, max_request_pixels=10_000).test_client()
    read = [mk.VideoModality(3).read(record["clip"]) for record in records]
    sent = [{} if files is None else {"clip": [b64(data) for data in files]} for files in read]
    answered = client.post("/predict", json={"records": sent})
    assert answered.status_code == 200, answered.text
    np.testing.assert_allclose(probabilities(answered.json["answers"]), expected, atol=1e-5)
    gif = records.to_frame()["clip"][5]
    as_json = client.post("/predict", json={"clip": b64(gif)})
    np.testing.assert_allclose(probabilities(as_json.json["answers"]), expected[5:6], atol=1e-5)
    assert client.post("/predict", data={"clip": (io.BytesIO(gif), "a.gif")}).json == as_json.json
    pictures = [(io.BytesIO(data), f"{number}.png") for number, data in enumerate(read[1])]
    several = client.post("/predict", data={"clip": pictures})
    np.testing.assert_allclose(probabilities(several.json["answers"]), expected[1:2], atol=1e-5)


def test_moving_pictures_that_are_large_together_are_told_by_their_blocks(folder):
    client = mk.serving.create_app(folder / "model.tflite", max_request_pixels=1000).test_client()
    record = {"clip": b64(moving(3))}
    assert client.post("/predict", json=record).status_code == 200
    refused = client.post("/predict", json={"records": [record] * 2})
    assert refused.status_code == 413
    assert "Received 1536" in refused.json["error"]
    refused = client.post("/predict", json={"clip": [b64(b"MP4")]})
    assert refused.status_code == 400
    assert "known format" in refused.json["error"]
