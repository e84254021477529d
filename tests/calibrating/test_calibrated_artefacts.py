"""A calibrated model and what is exported from it answer alike, and an int8 file has numbers of its own."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from plain_components import PlainEncoder

import multimodal_keras as mk
from multimodal_keras.base.graph import answers_of
from multimodal_keras.calibrating.calibrate import recalibrate
from multimodal_keras.calibrating.conformal import coverage_interval
from multimodal_keras.calibrating.graph import raw_model
from multimodal_keras.exporting.contract import contract
from multimodal_keras.exporting.device_files import write_device_files
from multimodal_keras.exporting.options import TFLiteOptions
from multimodal_keras.runtime.artefacts import load

TASKS = {"subject", "colourful", "things"}
BESIDE = {"subject_set", "subject_accepted", "colourful_interval", "things_set", "things_accepted", "ood_score"}


@pytest.fixture(scope="module")
def records(clipart):
    rows = [{**record, "things": "|".join(sorted({record["subject"], "any"}))} for record in clipart]
    return mk.data.Records.of(rows, folder=clipart.folder)


@pytest.fixture(scope="module")
def model(records):
    keras.utils.set_random_seed(1)
    return mk.build_model(
        {"title": mk.TextModality(6, optional=True), "image": mk.ImageModality((16, 16), optional=True)},
        {
            "subject": mk.ClassificationHead(),
            "colourful": mk.RegressionHead(unit="share"),
            "things": mk.MultiLabelHead(hidden_units=4),
        },
        encoders={"title": PlainEncoder(), "image": mk.Conv2DEncoder((4,))},
        adapt_to=records,
    )


@pytest.fixture(scope="module")
def calibrated(model, records):
    return mk.calibrate(model, records, coverage=0.8, recall=0.5, scaling="vector")


@pytest.fixture(scope="module")
def exported(calibrated, records, tmp_path_factory):
    return mk.export(
        calibrated,
        tmp_path_factory.mktemp("exported") / "clipart" / "1",
        sample=records,
        refit=records,
        quantize=["float32", "int8"],
        max_metric_drop=1.0,
        sample_size=8,
    )


def test_the_given_model_stays_as_it_is(model, calibrated):
    assert set(model.output) == TASKS
    assert set(calibrated.output) == TASKS | BESIDE
    assert model.weights[0] is calibrated.weights[0]
    assert list(mk.parts(calibrated).heads) == sorted(TASKS)


def test_a_reloaded_model_answers_the_same(calibrated, records, tmp_path):
    calibrated.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    inputs = next(iter(mk.data.batches(records.take(8), calibrated)))[0]
    first, second = calibrated(inputs), again(inputs)
    for name in TASKS | BESIDE:
        np.testing.assert_array_equal(first[name], second[name])


def test_all_artefacts_answer_alike(exported):
    rows = {(row["way"], row["records"]): row for row in exported.parity["rows"]}
    for way in ("SavedModel, raw", "SavedModel, tensors", "SavedModel, explain", "TFLite"):
        for shown in ("all", "without image", "without title"):
            row = rows[way, shown]
            assert row["passed"]
            assert {"ood_score", "colourful_interval"} <= set(row["differences"])
            assert set(row["mask_flips"]) == {"subject_set", "subject_accepted", "things_set", "things_accepted"}
            assert sum(row["mask_flips"].values()) == 0
    assert not exported.refused


def test_the_contract_tells_outputs_and_numbers(exported):
    facts = json.loads((exported.folder / "contract.json").read_text())
    outputs = facts["signatures"]["serving_default"]["outputs"]
    assert set(outputs) == TASKS | BESIDE
    assert outputs["subject_set"]["dtype"] == "bool"
    assert outputs["subject_set"]["shape"] == [None, 4]
    assert "0.8 of the records" in outputs["subject_set"]["meaning"]
    assert facts["tflite"]["outputs"]["colourful_interval"]["shape"] == [1, 2]
    told = facts["tasks"]["subject"]["calibration"]
    assert told["outputs"] == {"set": "subject_set", "accepted": "subject_accepted"}
    assert told["presence_fields"] == ["image", "title"]
    assert told["records"] == [64, 64, 64, 64]
    assert (told["coverage"], told["recall"], np.shape(told["numbers"]["limit"])) == (0.8, 0.5, (4, 4))
    assert facts["ood_score"]["method"] == "energy"


def test_answers_without_tensorflow_are_those_of_the_savedmodel(exported, records):
    told = [load(path).predict(records.take(6)) for path in (exported.folder, exported.folder / "model.tflite")]
    for saved, lite in zip(*told, strict=True):
        assert saved["subject"]["set"] == lite["subject"]["set"]
        assert set(saved["subject"]["set"]) <= set(saved["subject"]["probabilities"])
        assert saved["subject"]["accepted"] is lite["subject"]["accepted"]
        assert saved["things"]["accepted"] == lite["things"]["accepted"]
        assert saved["colourful"]["interval"] == pytest.approx(lite["colourful"]["interval"], abs=1e-4)
        low, high = saved["colourful"]["interval"]
        assert low < saved["colourful"]["value"] < high
        assert saved["ood_score"]["unusual"] == (saved["ood_score"]["score"] > 0)
        assert saved["ood_score"]["score"] == pytest.approx(lite["ood_score"]["score"], abs=1e-4)


def test_the_int8_file_has_numbers_of_its_own_which_are_exactly_those_of_its_graph(exported, calibrated, records):
    """What stands in the file is what its contract says, applied in float32 to the heads of the quantized network."""
    lite = load(exported.folder / "model.int8.tflite")
    mine, model = (
        facts["tasks"]["subject"]["calibration"]["numbers"] for facts in (lite.contract, contract(calibrated))
    )
    for name in ("slope", "offset", "limit"):
        assert np.abs(np.subtract(mine[name], model[name])).max() > 1e-5
    answered = lite.call(batch(calibrated, records))
    for task in ("subject", "things"):
        # Coverage on the records that it was fitted on is exact: at least 52 = ceil(65 * 0.8) of 64, and few more.
        truth = mk.parts(calibrated).heads[task].targets(list(records.values(task)))[0]
        held = np.eye(4, dtype=bool)[truth] if truth.ndim == 1 else truth > 0.5
        assert 52 <= np.sum(np.all(answered[f"{task}_set"] | ~held, axis=1)) <= 56
    low, high = answered["colourful_interval"].T
    value = np.array([float(value) for value in records.values("colourful")])
    assert 52 <= np.sum((low <= value) & (value <= high)) <= 54
    assert 61 <= np.sum(answered["ood_score"] <= 0) <= 63  # ceil(65 * 0.95) = 62


def test_parts_in_int8_that_answer_in_integers_say_what_the_whole_says(calibrated, records, tmp_path):
    options = TFLiteOptions(quantize=("int8",), split=True, integer_outputs=True)
    files = write_device_files(calibrated, tmp_path, options, records.take(16), records)
    assert [file.part for file in files] == ["model", "image_encoder", "title_encoder", "fusion"]
    whole, image, title, fusion = (load(tmp_path / file.name) for file in files)
    inputs = batch(calibrated, records.take(8)) | {"image_present": np.arange(8) % 2 > 0}
    answers, expected = whole.call(inputs), calibrated(inputs)
    scales = {
        name: facts["quantization"]["scale"]
        for name, facts in files[0].facts["outputs"].items()
        if "quant" in str(facts)
    }
    assert scales.keys() == {"subject", "colourful", "things", "colourful_interval", "ood_score"}
    for name, scale in scales.items():
        np.testing.assert_allclose(answers[name], expected[name], atol=0.05 + scale)
    in_parts = fusion.call({**inputs, **image.call(inputs), **title.call(inputs)})
    for name in TASKS | BESIDE:
        np.testing.assert_array_equal(in_parts[name], answers[name])


def test_contributions_on_a_device_are_those_of_calibrated_answers(calibrated, records, tmp_path):
    [file] = write_device_files(calibrated, tmp_path, TFLiteOptions(explain=True), records)
    inputs = batch(calibrated, records.take(8)) | {"image_present": np.arange(8) % 2 > 0}
    told, answers = load(tmp_path / file.name).call(inputs, explain=True), calibrated(inputs)
    for task in TASKS:
        np.testing.assert_allclose(told[task], answers[task], atol=1e-5)
        np.testing.assert_allclose(
            told[f"{task}_contributions"].sum(1) + told[f"{task}_baseline"], answers[task], atol=1e-5
        )
    for name in BESIDE:
        np.testing.assert_allclose(told[name], answers[name], atol=1e-5)


def batch(model, records):
    """The model's inputs for some records."""
    inputs = next(iter(mk.data.batches(records, model, batch_size=64, labels=False)))
    return {name: np.asarray(value) for name, value in inputs.items()}


def test_quantized_files_want_the_records_again(model, calibrated, records, tmp_path):
    with pytest.raises(ValueError, match=r"fitted again to each quantized file.*refit=valid"):
        mk.export(calibrated, tmp_path / "1", sample=records, quantize=["dynamic"])
    with pytest.raises(ValueError, match=r"refit fits a calibration .* for a model that is not calibrated"):
        mk.export(model, tmp_path / "1", sample=records, refit=records)


def test_records_without_labels_fit_nothing_again(calibrated, records):
    rows = [{**row, "colourful": None, "things": None} for row in records]
    answer = answers_of(raw_model(calibrated))
    with pytest.raises(
        ValueError, match=r"to records with labels. Received none with one for colourful, things. Label"
    ):
        recalibrate(calibrated, answer, mk.data.Records.of(rows, folder=records.folder))


def test_coverage_on_other_records(calibrated, exported):
    """Within the interval that a promise fitted on 64 records has on 64 others, from Keras and from int8."""
    others = mk.data.clipart().where(split="train")
    labels = mk.parts(calibrated).heads["subject"].labels
    rows = [{**record, "things": record["subject"]} for record in others if record["subject"] in labels]
    held_out = mk.data.Records.of([row for label in labels for row in _of(rows, label)], folder=others.folder)
    inputs, targets, _ = next(iter(mk.data.batches(held_out, calibrated, batch_size=64)))
    inputs = {name: np.asarray(value) for name, value in inputs.items()}
    truth = np.asarray(targets["subject"])
    lite = load(exported.folder / "model.int8.tflite")
    low, high = coverage_interval(0.8, 64, len(truth))
    for answered in (calibrated(inputs), lite.call(inputs)):
        assert low <= np.asarray(answered["subject_set"])[np.arange(len(truth)), truth].mean() <= high


def _of(rows, label):
    """Sixteen records of a label that the calibration has not seen."""
    return [row for row in rows if row["subject"] == label][16:32]


@pytest.mark.parametrize("field", ["subject_set", "subject_interval", "subject_accepted", "ood_score"])
def test_names_of_outputs_are_taken(field):
    with pytest.raises(ValueError, match=rf"Received twice: {field}"):
        mk.build_model(
            {field: mk.TextModality(vocabulary=["a"])}, {"subject": mk.ClassificationHead(labels=["a", "b"])}
        )


def test_a_calibrated_model_is_not_trained_on(calibrated, records):
    with pytest.raises(ValueError, match=r"A model is trained before it is calibrated.*and calibrate it again"):
        mk.fit(calibrated, records, epochs=1)


def test_too_few_records(model, records):
    with pytest.raises(ValueError, match=r"needs 99 labelled records.*Received 64 for 'colourful'"):
        mk.calibrate(model, records, coverage=0.99)


def test_what_nothing_could_be_fitted_to_is_refused(model, records):
    unlabelled = mk.data.Records.of([{**row, **dict.fromkeys(TASKS)} for row in records], folder=records.folder)
    with pytest.raises(
        ValueError, match=r"fitted to labels. Received no record with one for colourful, .*coverage=None"
    ):
        mk.calibrate(model, unlabelled)
    alone = mk.calibrate(model, unlabelled, coverage=None, scaling="none")
    assert set(alone.output) == TASKS | {"ood_score"}
    with pytest.raises(ValueError, match=r"ood=0.99 needs 99 calibration records. Received 64. Lower it"):
        mk.calibrate(model, unlabelled, coverage=None, scaling="none", ood=0.99)
    numbers = mk.build_model(
        {"title": mk.TextModality(6)},
        {"colourful": mk.RegressionHead()},
        encoders={"title": PlainEncoder()},
        adapt_to=records,
    )
    with pytest.raises(
        ValueError, match=r"are of answers that are labels. Received a model of colourful, which has none"
    ):
        mk.calibrate(numbers, records, coverage=0.8, precision=0.8)
    with pytest.raises(ValueError, match=r"Received 'runs/1' of type str. Load it first"):
        mk.calibrate("runs/1", records)


def test_the_report_tells_what_became_of_the_promises(calibrated, records, tmp_path):
    report = mk.evaluate(calibrated, records, bootstrap=0, output=tmp_path)
    row = report.promises["subject"]["image+title"]
    assert (row["records"], row["promised"]) == (64, 0.8)
    assert 52 / 64 <= row["coverage"] <= 56 / 64
    assert set(report.promises) == TASKS
    assert report.unusual["image"] == pytest.approx(2 / 64, abs=1 / 64)
    assert "promised  coverage  expected" in str(report)
    assert "<h3>Promises</h3>" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "plots" / "subject_risk_coverage.png").exists()
    assert json.loads((tmp_path / "report.json").read_text())["promises"]["subject"]["image+title"] == row
