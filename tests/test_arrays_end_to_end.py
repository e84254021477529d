"""Fields that are arrays or sequences: trained, exported, answered by each artefact and served, with absent values."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.exporting.savedmodel import decode
from multimodal_keras.runtime.artefacts import TFLiteArtefact

RECORDS = 24
RANDOM = np.random.default_rng(0)


def record(number):
    """A record with gaps and of any length; some lack their field."""
    series = RANDOM.normal(size=(3 + number % 9, 2)) + number % 2
    series[number % 3, number % 2] = np.nan
    return {
        "series": None if number % 5 == 4 else series,
        "cloud": None if number % 5 == 3 else RANDOM.normal(size=(5 + number % 20, 3)),
        "vector": None if number % 5 == 2 else RANDOM.normal(size=4) + number % 2,
        "gene": "" if number % 5 == 1 else "ACGTTGCA"[: 2 + number % 6],
        "label": "ab"[number % 2],
    }


@pytest.fixture(scope="module")
def records():
    return mk.data.read([record(number) for number in range(RECORDS)])


@pytest.fixture(scope="module")
def model(records):
    keras.utils.set_random_seed(1)
    return mk.build_model(
        {
            "series": mk.TimeSeriesModality(8, keep="end", missing_indicators=True, optional=True),
            "cloud": mk.PointCloudModality(8, optional=True),
            "vector": mk.EmbeddingModality(normalization="standard", optional=True),
            "gene": mk.SequenceModality(6, k=2, optional=True),
        },
        {"label": mk.ClassificationHead()},
        encoders={
            "series": mk.TCNEncoder(8, kernel_size=3, layers=2),
            "cloud": mk.PointNetEncoder([8, 8]),
            "vector": mk.DenseEncoder(8),
            "gene": mk.Conv1DEncoder(8, kernel_sizes=[2], embedding_width=4),
        },
        adapt_to=records,
    )


@pytest.fixture(scope="module")
def folder(model, records, tmp_path_factory):
    run = tmp_path_factory.mktemp("arrays")
    mk.fit(model, records, records, epochs=2, verbose=0, cache=str(run / "cache"))
    exported = mk.export(
        model, run / "1", sample=records, sample_size=8, quantize=["float32", "dynamic", "int8"], max_metric_drop=1.0
    )
    model.save(run / "model.keras")
    return exported.folder


def probabilities(answers):
    return np.array([list(answer["label"]["probabilities"].values()) for answer in answers])


def test_all_sources_answer_alike(model, folder, records):
    expected = probabilities(mk.predict(model, records))
    assert np.ptp(expected[:, 0]) > 1e-3
    for source in (folder.parent / "model.keras", folder, folder / "model.tflite"):
        np.testing.assert_allclose(probabilities(mk.predict(source, records)), expected, atol=1e-5)
    for name in ("model.dynamic.tflite", "model.int8.tflite"):
        np.testing.assert_allclose(probabilities(mk.predict(folder / name, records)), expected, atol=0.1)


def test_the_tensors_are_those_of_the_graph(model, folder, records):
    raw = next(mk.data.raw_batches(records, mk.base.parts(model).modalities, RECORDS)).raw
    without = TFLiteArtefact(folder / "model.tflite").decode(raw)
    within = decode(mk.base.parts(model), {field: tf.constant(values) for field, values in raw.items()})
    assert sorted(without) == sorted(within)
    for name, tensor in without.items():
        np.testing.assert_array_equal(tensor, within[name].numpy(), err_msg=name)


FIELDS = ("cloud", "gene", "series", "vector")


def jsonable(value):
    if value is None or isinstance(value, str):
        return value
    return json.loads(json.dumps(np.asarray(value).tolist()).replace("NaN", "null"))


@pytest.fixture(scope="module", params=["SavedModel", "TFLite"])
def client(folder, request):
    path = folder if request.param == "SavedModel" else folder / "model.tflite"
    return mk.serving.create_app(path, name="arrays").test_client()


def test_a_server_answers_as_the_model_does(model, client, records):
    sent = [{field: jsonable(record[field]) for field in FIELDS} for record in records.take(6)]
    expected = probabilities(mk.predict(model, records.take(6)))
    answered = client.post("/predict", json={"records": sent})
    assert answered.status_code == 200, answered.text
    np.testing.assert_allclose(probabilities(answered.json["answers"]), expected, atol=1e-5)
    (first,) = records.take(1)
    instance = {field: first[field] if field == "gene" else np.asarray(first[field]).tolist() for field in FIELDS}
    instances = json.dumps({"instances": [instance]})
    answered = client.post("/v1/models/arrays:predict", data=instances)
    assert answered.status_code == 200, answered.text
    np.testing.assert_allclose(answered.json["predictions"], expected[:1], atol=1e-5)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("series", [[1, 2, 3]], "2 channels"),
        ("series", [["a", 2]], "holds numbers"),
        ("series", "a.npy", "array of steps"),
        ("series", [[1e300, 2]], "finite"),
        ("cloud", [[1, 2]], "(points, 3)"),
        ("cloud", [[1, 2, 1e300]], "infinity in point 1"),
        ("cloud", "a.ply", "array of points"),
        ("vector", [1, 2], "(4,)"),
        ("vector", [1, 2, 3, None], "nan as number 4"),
        ("vector", "a.npy", "array of numbers"),
        ("gene", ["ACGT"], "A string"),
    ],
)
def test_a_server_says_what_is_wrong(client, field, value, message):
    answered = client.post("/predict", json={field: value})
    assert answered.status_code == 400
    assert message in answered.json["error"]


def test_a_long_series_does_not_make_its_neighbours_long(client):
    long = {"series": [[0.0, 1.0]] * 50_000, "cloud": [[0, 0, 1]] * 50_000, "gene": "ACGT" * 50_000}
    together = client.post("/predict", json={"records": [long] + [{"series": [[1, 2]]}] * 200})
    assert together.status_code == 200
    alone = client.post("/predict", json=long)
    found, wanted = (probabilities(response.json["answers"][:1]) for response in (together, alone))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_it_is_bundled_and_its_contract_compared(folder, tmp_path):
    mk.bundle(folder, tmp_path / "bundle")
    assert json.loads((tmp_path / "bundle" / "request.json").read_text())
    assert main(["contract", "diff", str(folder), str(folder)]) == 0
    assert main(["inspect", str(folder / "model.tflite")]) == 0
