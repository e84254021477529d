"""A field of several columns, trained, exported and asked in every way: the numbers are the same everywhere."""

from __future__ import annotations

import csv
import json
import runpy

import keras
import numpy as np
import pytest

import multimodal_keras as mk
from multimodal_keras.exporting import contract
from multimodal_keras.runtime.compatibility import BOTH, decoding_differences

COLUMNS = {
    "age": "number",
    "city": "category",
    "member": "boolean",
    "since": "date",
    "zip": {"kind": "category", "hash_buckets": 9},
}
ROWS = [
    {
        "age": None if number % 7 == 0 else 20 + number,
        "city": ["Paris", "Rome", "猫", None][number % 4],
        "member": number % 3 == 0,
        "since": f"20{10 + number % 9}-0{1 + number % 9}-1{number % 9}T0{number % 9}:30",
        "zip": 1000 + number % 5,
        "note": ["a cat", "a dog"][number % 2],
        "label": ["low", "high"][20 + number > 40],
    }
    for number in range(40)
] + [{"note": "nothing else", "label": "low", "age": None}]


def build(columns=COLUMNS, **options):
    keras.utils.set_random_seed(4)
    return mk.build_model(
        {"person": mk.TabularModality(columns, optional=True), "note": mk.TextModality(4, optional=True)},
        {"label": mk.ClassificationHead()},
        encoders={"person": options.pop("encoder", "MLPEncoder"), "note": "EmbeddingEncoder"},
        adapt_to=ROWS,
        **options,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder with a trained model."""
    folder = tmp_path_factory.mktemp("run")
    records = mk.data.Records.of(ROWS)
    mk.fit(build(), records, valid=records.take(8), output=folder, epochs=2, batch_size=16)
    return folder


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "people" / "1"
    model = keras.saving.load_model(next(trained.glob("*.keras")))
    mk.export(
        model, folder, sample=mk.data.Records.of(ROWS), quantize=["float32", "dynamic", "int8"], max_metric_drop=1.0
    )
    return folder


@pytest.fixture(scope="module")
def answers(trained):
    """What the Keras model answers."""
    return [answer["label"]["probability"] for answer in mk.predict(trained, ROWS)]


@pytest.mark.parametrize("name", ["", "model.tflite"])
def test_artefacts_answer_records_as_the_model_does(exported, answers, name, tmp_path):
    found = [answer["label"]["probability"] for answer in mk.predict(exported / name, ROWS)]
    np.testing.assert_allclose(found, answers, atol=2e-6)
    with (tmp_path / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "note", "label"])
        writer.writeheader()
        writer.writerows(ROWS)
    found = [answer["label"]["probability"] for answer in mk.predict(exported / name, tmp_path / "rows.csv")]
    np.testing.assert_allclose(found, answers, atol=2e-6)


def test_a_quantized_table_is_not_worse_than_its_encoder(exported, answers):
    for name in ("model.dynamic.tflite", "model.int8.tflite"):
        found = [answer["label"]["probability"] for answer in mk.predict(exported / name, ROWS)]
        assert np.abs(np.subtract(found, answers)).max() < 0.05, name


@pytest.mark.parametrize("name", ["", "model.tflite"])
def test_a_server_takes_cells_flat_or_together(exported, answers, name):
    client = mk.serving.create_app(exported / name).test_client()

    def ask(record):
        reply = client.post("/predict", json=record)
        body = reply.get_json()
        return body["answers"][0] if "answers" in body else body, reply.status_code

    names = [*COLUMNS, "note"]
    for number in (0, 1, 6, 40):
        flat = {name: ROWS[number][name] for name in names if name in ROWS[number]}
        cells = {name: value for name, value in flat.items() if name != "note"}
        together = {"person": cells, "note": flat["note"]}
        listed = {"person": [cells.get(name) for name in COLUMNS], "note": flat["note"]}
        for record in (flat, together, listed):
            reply, status = ask(record)
            assert status == 200, reply
            assert reply["label"]["probability"] == pytest.approx(answers[number], abs=2e-6)
    for wrong, said in (
        ({"age": "old"}, "field person: The column 'age' holds numbers"),
        ({"person": {"agee": 3}}, "Received 'agee' too"),
        ({"person": [1]}, "Received 1 cells"),
        ({"agee": 3}, "agee"),
        ({"age": [3]}, "The column 'age' holds numbers"),
    ):
        reply, status = ask(wrong)
        assert status == 400
        assert said in json.dumps(reply), reply
    form = {name: str(value) for name, value in ROWS[1].items() if name in names}
    [reply] = client.post("/predict", data=form, content_type="multipart/form-data").get_json()["answers"]
    assert reply["label"]["probability"] == pytest.approx(answers[1], abs=2e-6)


def test_tensorflow_servings_own_requests_hold_texts(exported, answers):
    client = mk.serving.create_app(exported).test_client()
    cells = [["21", "Rome", "false", "2011-02-11T01:30", "1001"], [""] * 5, ["old", "", "", "", ""]]
    rows = [{"person": cell, "note": note} for cell, note in zip(cells, ["a dog", "nothing else", "x"], strict=True)]
    reply = client.post("/v1/models/people:predict", json={"instances": rows[:2]})
    found = [max(row) for row in reply.get_json()["predictions"]]
    np.testing.assert_allclose(found, [answers[1], answers[40]], atol=2e-6)
    reply = client.post("/v1/models/people:predict", json={"instances": rows})
    assert reply.status_code == 400
    assert "The column age holds numbers" in reply.get_json()["error"]


@pytest.mark.parametrize("records", [None, ROWS])
def test_a_bundle_warms_up_and_its_client_sends_columns(exported, records, tmp_path):
    made = mk.bundle(exported, tmp_path / "bundle", records=records, warm_up=4)
    request = json.loads((made.folder / "request.json").read_text(encoding="utf-8"))
    [instance] = request["instances"]
    assert [len(cell) > 0 for cell in instance["person"]].count(True) >= 4
    client = runpy.run_path(str(made.folder / "client_rest.py"))
    sent = client["instance"]({"person": {"age": 21, "city": "猫", "member": True}})
    assert sent == {"person": ["21", "猫", "True", "", ""], "note": ""}
    assert client["instance"]({"person": [1, None, "", "", 5]})["person"] == ["1", "", "", "", "5"]


def test_the_report_shows_the_columns(trained):
    records = mk.data.Records.of(ROWS)
    result = mk.evaluate(keras.saving.load_model(next(trained.glob("*.keras"))), records)
    texts = [mistake.texts for mistake in result.mistakes["label"]]
    assert any("city: Rome" in text["person"] for text in texts), texts


def test_clients_are_told_what_changed():
    old, new = contract(build()), contract(build({**COLUMNS, "age": "category"}))
    assert not list(decoding_differences(old, json.loads(json.dumps(old))))
    changes = {change.place: change.breaks for change in decoding_differences(old, new)}
    assert changes["modalities.person.columns.age.kind"] == BOTH
    fewer = contract(build({name: kind for name, kind in COLUMNS.items() if name != "city"}))
    changes = {change.place: change.breaks for change in decoding_differences(old, fewer)}
    assert changes["modalities.person.columns.city"] == BOTH
    turned = contract(build(dict(reversed(COLUMNS.items()))))
    assert any("another order" in change.change for change in decoding_differences(old, turned))


def test_bad_names_and_cells_are_refused_where_they_are(tmp_path):
    with pytest.raises(
        ValueError, match=r"'person' cannot adapt: Every column is in some record. Received none with 'agee'"
    ):
        build({"agee": "number", "age": "number"})
    with pytest.raises(ValueError, match=r"Received 'label' as a task and as a column of 'person'"):
        build({"label": "category"})
    bad = mk.data.Records.of([{**ROWS[1], "age": "old"}])
    with pytest.raises(mk.DataError, match=r"row 1, field 'person'.*The column 'age' holds numbers .* Received 'old'"):
        next(iter(mk.data.raw_batches(bad, {"person": mk.TabularModality(COLUMNS)})))
