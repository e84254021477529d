"""A tiny model made by `build_model`, evaluated from its records to its page."""

import importlib.util
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk
from multimodal_keras.base import presence_name
from multimodal_keras.evaluation import Report, evaluating, paired_difference
from multimodal_keras.evaluation.subsets import subsets_of

SUBJECTS = ("animals", "food", "tools")
SCRIPT = "<script>alert('x')</script> $x^2$ 猫"


def tiny_records(count=24):
    random = np.random.default_rng(0)
    return [
        {
            "title": SCRIPT if row == 1 else f"{SUBJECTS[row % 3]} {row}",
            "note": f"note {row}" if row % 4 else "",
            "image": random.integers(0, 256, (8, 8, 3)).astype("uint8") if row % 3 else None,
            "subject": "" if row >= 18 else SUBJECTS[row % 3],
            "price": None if row == 0 else float(row),
            "tags": "red|old" if row % 2 else "none",
        }
        for row in range(count)
    ]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    modalities = {
        "title": mk.TextModality(sequence_length=4),
        "note": mk.TextModality(sequence_length=4, optional=True),
        "image": mk.ImageModality(size=(8, 8), optional=True),
    }
    heads = {
        "subject": mk.ClassificationHead(labels=SUBJECTS),
        "price": mk.RegressionHead(unit="EUR"),
        "tags": mk.MultiLabelHead(labels=["old", "red"]),
    }
    return mk.build_model(modalities, heads, adapt_to=tiny_records())


@pytest.fixture(scope="module")
def history():
    return {"loss": [2.0, float("nan")], "val_loss": [2.1, 1.9], "subject_accuracy": [0.3, 0.5]}


@pytest.fixture(scope="module")
def report(model, history):
    return mk.evaluate(model, tiny_records(), bootstrap=30, batch_size=10, history=history)


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory):
    return report.save(tmp_path_factory.mktemp("report"))


def test_subsets_need_every_required_field():
    table = {subset.name: subset.reason for subset in subsets_of(["a", "b", "c"], ["a", "c"])}
    assert list(table) == ["a", "b", "c", "a+b", "a+c", "b+c", "a+b+c"]
    assert table["a+c"] == "not defined: b is required"
    assert [name for name, reason in table.items() if reason is None] == ["b", "a+b", "b+c", "a+b+c"]
    assert next(iter(subsets_of(["a", "b", "c"], ["c"]))).lacking == ("b",)


def test_every_subset_is_in_the_report(report):
    assert len(report.subsets) == 7
    assert report.subsets["image+note"]["reason"] == "not defined: title is required"
    defined = report.subsets["image+title"]
    assert defined["tasks"]["subject"]["records"] == 18
    assert set(defined["tasks"]["price"]["metrics"]) == {"mae", "r2"}
    assert set(defined["tasks"]["price"]["metrics"]["mae"]) == {"value", "low", "high", "against_all"}
    full = report.subsets["image+note+title"]["tasks"]["price"]["metrics"]["mae"]
    assert "against_all" not in full
    assert full["value"] == pytest.approx(report.metrics["price"]["mae"]["value"])


def test_unlabelled_records_are_left_out(report):
    answers = report.predictions["subject"]
    assert (len(answers.truth), int(answers.labelled.sum()), report.tasks["subject"]["labelled"]) == (24, 18, 18)
    kept = answers.labelled
    expected = np.mean(answers.predicted[kept].argmax(1) == answers.truth[kept])
    assert report.metrics["subject"]["accuracy"]["value"] == pytest.approx(expected)
    assert report.tasks["price"]["labelled"] == 23
    assert sum(row["records"] for row in report.per_class["subject"].values()) == 18


def test_a_subset_declares_the_others_absent(model, report):
    inputs, _, _ = next(iter(mk.data.batches(mk.data.Records.of(tiny_records()), model, batch_size=24)))
    without = {**inputs, presence_name("image"): tf.zeros(24, tf.bool)}
    expected = model(without, training=False)["subject"].numpy()
    found = report.predictions["subject"].by_subset["note+title"]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - report.predictions["subject"].predicted).max() > 1e-4


def test_records_without_a_subset_stay_in():
    records = tiny_records()
    optional = {
        "note": mk.TextModality(sequence_length=4, optional=True),
        "image": mk.ImageModality((8, 8), optional=True),
    }
    model = mk.build_model(optional, {"tags": mk.MultiLabelHead()}, adapt_to=records)
    found = mk.evaluate(model, records, bootstrap=0).subsets
    assert {name: row["nothing_present"] for name, row in found.items()} == {"image": 8, "note": 6, "image+note": 2}
    assert found["image"]["tasks"]["tags"]["records"] == 24
    assert found["image"]["tasks"]["tags"]["metrics"]["macro_f1"]["low"] is None


def test_batches_change_nothing(model, report):
    again = mk.evaluate(model, mk.data.Records.of(tiny_records()), bootstrap=30, batch_size=7)
    np.testing.assert_allclose(again.predictions["price"].predicted, report.predictions["price"].predicted, rtol=1e-5)
    assert [m.record for m in again.mistakes["price"]] == [m.record for m in report.mistakes["price"]]


def test_a_dataset_of_batches_is_taken_as_it_is(model, report):
    dataset = mk.data.batches(mk.data.Records.of(tiny_records()), model, batch_size=10)
    found = mk.evaluate(model, dataset, subsets=False, bootstrap=0)
    assert list(found.subsets) == ["image+note+title"]
    value = report.metrics["price"]["mae"]["value"]
    assert found.metrics["price"]["mae"] == {"value": pytest.approx(value), "low": None, "high": None}
    assert "title" not in found.mistakes["subject"][0].texts


def test_predictions_can_be_compared(report):
    answers = report.predictions["subject"]
    pair = answers.by_subset["title"], answers.predicted
    found = paired_difference("accuracy", answers.truth, *pair, answers.weights, bootstrap=30)
    entry = report.subsets["title"]["tasks"]["subject"]["metrics"]["accuracy"]["against_all"]
    assert (found.value, found.low, found.high) == pytest.approx((entry["value"], entry["low"], entry["high"]))


def test_a_task_without_labels_is_skipped_with_a_reason(model):
    records = [{**record, "subject": ""} for record in tiny_records()]
    found = mk.evaluate(model, records, subsets=False, bootstrap=0)
    assert found.skipped == {"subject": "no record has a label"}
    assert "subject: no record has a label" in str(found)
    assert list(found.metrics) == ["price", "tags"]


def test_mistakes_are_the_worst_records_first(report):
    rows = report.mistakes["price"]
    losses = np.abs(report.predictions["price"].predicted - report.predictions["price"].truth)[:, 0]
    assert [row.loss for row in rows] == sorted((row.loss for row in rows), reverse=True)
    assert rows[0].loss == pytest.approx(losses[1:].max(), rel=1e-5)
    assert all((row.record - 1) % 3 == 0 for row in rows if not row.images)
    assert all(row.texts["image"] == "(absent)" for row in rows if not row.images)


def test_json_is_strict_and_round_trips(report):
    def refuse(name):
        raise AssertionError(name)

    found = json.loads(report.to_json(), parse_constant=refuse)
    assert found == report.to_dict()
    assert found["history"]["loss"] == [2.0, None]
    assert found["metrics"]["subject"]["accuracy"]["low"] is not None
    assert "predictions" not in found


def test_the_text_shows_every_subset(report):
    text = str(report)
    assert isinstance(report, Report)
    assert re.search(r"^image \+ note + not defined: title is required$", text, re.M)
    assert re.search(r"^image \+ note \+ title  \d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]", text, re.M)
    with pytest.raises(ValueError, match=r"Received 'colour'\. Known: price, subject, tags"):
        report.table("colour")


def test_save_writes_every_file(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["plots", "report.html", "report.json"]
    names = {path.stem for path in (folder / "plots").glob("*.png")}
    per_task = {
        "subject": ("subsets", "confusion", "risk_coverage", "roc", "precision_recall", "reliability", "mistakes"),
        "tags": ("subsets", "roc", "precision_recall", "reliability", "mistakes"),
        "price": ("subsets", "scatter", "mistakes"),
    }
    assert names == {f"{task}_{plot}" for task, plots in per_task.items() for plot in plots} | {"learning_curves"}


def test_the_page_is_self_contained_and_escaped(folder):
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; $x^2$ 猫" in html
    assert "<script" not in html
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    assert set(re.findall(r'src="(.{15})', html)) == {"data:image/png;"}
    assert len(re.findall(r"<img ", html)) == len(re.findall(r'<img src="[^"]+" alt="[^"]+">', html))


def test_without_matplotlib_there_is_json_and_a_way_out(report, model, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name))
    with pytest.raises(ImportError, match=r"pip install multimodal-keras\[plot\]"):
        report.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    monkeypatch.setattr(evaluating, "collect", None)
    with pytest.raises(ImportError, match="matplotlib"):
        mk.evaluate(model, tiny_records(), output=tmp_path / "other")


def test_arguments_are_checked(model):
    with pytest.raises(ValueError, match="Received 0 and 1000"):
        mk.evaluate(model, tiny_records(), batch_size=0)
    with pytest.raises(TypeError, match="Received a str"):
        mk.evaluate(model, "records.csv")
    with pytest.raises(TypeError, match="A history is a dict"):
        mk.evaluate(model, tiny_records(), bootstrap=0, subsets=False, history={"loss": 3})
    with pytest.raises(mk.DataError, match="row 1, field 'subject'"):
        mk.evaluate(model, [{**tiny_records()[0], "subject": "cars"}])
