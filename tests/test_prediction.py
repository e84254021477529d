"""`mk.predict`: one call for a model, a run, a SavedModel and a TFLite file, with one answer."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import multimodal_keras as mk

WAYS = ("model", "run", "keras", "folder", "tflite")
FAR = """
import json, sys
import multimodal_keras as mk
print(json.dumps(mk.predict(sys.argv[1], [{"title": "black cat", "image": sys.argv[2]}])))
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""


@pytest.fixture(scope="module")
def sources(clipart, tmp_path_factory):
    """An untrained model, in every form that `predict` takes."""
    folder = tmp_path_factory.mktemp("prediction")
    model = mk.build_model(
        {"title": mk.TextModality(sequence_length=5, optional=True), "image": mk.ImageModality(size=(16, 16))},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead(), "tags": mk.MultiLabelHead(labels=["a"])},
        encoders={"title": mk.LSTMEncoder(8, embedding_width=8), "image": mk.Conv2DEncoder((8, 16))},
        adapt_to=clipart,
    )
    (folder / "run").mkdir()
    model.save(folder / "run" / "model.keras")
    exported = mk.export(model, folder / "1", sample=clipart, sample_size=4).folder
    return {
        "model": model,
        "run": folder / "run",
        "keras": str(folder / "run" / "model.keras"),
        "folder": str(exported),
        "tflite": exported / "model.tflite",
    }


@pytest.fixture(scope="module")
def rows(clipart):
    """Titles in several scripts, a missing one, paths and bytes."""
    records = list(clipart.take(5))
    titles = [records[0]["title"], "黑猫和白狗", "", None, "a" * 300]
    images = [str(Path(clipart.folder, record["image"])) for record in records]
    return [{"title": title, "image": image} for title, image in zip(titles, images, strict=True)]


def assert_same(found, expected):
    for answer, wanted in zip(found, expected, strict=True):
        assert answer["subject"]["label"] == wanted["subject"]["label"]
        for task in ("subject", "tags"):
            assert answer[task]["probabilities"] == pytest.approx(wanted[task]["probabilities"], abs=1e-4)
        assert answer["colourful"]["value"] == pytest.approx(wanted["colourful"]["value"], abs=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_every_source_gives_the_same_answers(way, sources, rows):
    found = mk.predict(sources[way], rows)
    assert_same(found, mk.predict(sources["model"], rows))
    assert sum(found[0]["subject"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_does_not_depend_on_its_batch(way, sources, rows):
    assert_same(mk.predict(sources[way], rows, batch_size=2), mk.predict(sources[way], rows))


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_modality_is_an_empty_one_or_no_column_at_all(way, sources, rows):
    image = rows[0]["image"]
    absent = mk.predict(sources[way], [{"title": value, "image": image} for value in ("", None, float("nan"))])
    assert_same(absent, mk.predict(sources["model"], [{"image": image}]) * 3)
    assert_same(mk.predict(sources[way], [{"image": image}]), absent[:1])


@pytest.mark.parametrize("way", ["model", "folder", "tflite"])
def test_a_required_field_is_asked_for_by_row(way, sources, rows):
    with pytest.raises(mk.DataError, match=r"<memory>, row 2, field 'image': A required field"):
        mk.predict(sources[way], [rows[0], {"title": "no picture", "image": ""}])


@pytest.fixture
def broken(tmp_path, rows):
    """A CSV whose second picture is not there, and whose third is not a picture."""
    (tmp_path / "torn.png").write_bytes(Path(rows[0]["image"]).read_bytes()[:40])
    lines = [
        "title,image",
        f"good,{rows[0]['image']}",
        "missing,nowhere.png",
        "torn,torn.png",
        f"also,{rows[1]['image']}",
    ]
    path = tmp_path / "broken.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("way", ["model", "folder", "tflite"])
def test_a_record_that_cannot_be_used_is_skipped_in_its_place(way, sources, rows, broken):
    skipped = []
    found = mk.predict(sources[way], broken, on_error="skip", skipped=skipped)
    assert ["error" in answer for answer in found] == [False, True, True, False]
    assert [entry["row"] for entry in skipped] == [2, 3]
    assert all(entry["file"].endswith("broken.csv") for entry in skipped)
    assert "nowhere.png" in skipped[0]["reason"]
    assert "\n" not in skipped[1]["reason"]
    whole = mk.predict(sources["model"], [{**rows[0], "title": "good"}, {**rows[1], "title": "also"}])
    assert_same([found[0], found[3]], whole)


@pytest.mark.parametrize("way", ["model", "folder", "tflite"])
@pytest.mark.parametrize(("row", "said"), [(2, "nowhere.png"), (3, "A value can be decoded")], ids=["missing", "torn"])
def test_a_record_that_cannot_be_used_is_named_by_file_and_row(way, row, said, sources, broken):
    lines = broken.read_text().splitlines()
    kept = [line for number, line in enumerate(lines) if number in (0, 1, row, 4)]
    broken.write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(mk.DataError, match=r"broken\.csv, row 2.*") as error:
        mk.predict(sources[way], broken)
    assert said in str(error.value)
    assert "{{" not in str(error.value)
    assert error.value.origin.row == 2


def test_a_tflite_file_is_run_without_tensorflow(sources, rows):
    command = [sys.executable, "-c", FAR, str(sources["tflite"]), rows[0]["image"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answers, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    assert_same(json.loads(answers), mk.predict(sources["model"], [{**rows[0], "title": "black cat"}]))


@pytest.mark.parametrize("source", ["nowhere", "nowhere.tflite", "nowhere.keras"])
def test_a_source_that_is_not_there(source, rows):
    with pytest.raises(ValueError, match="nowhere"):
        mk.predict(source, rows)


def test_on_error_is_one_of_two(sources, rows):
    with pytest.raises(ValueError, match=r"on_error is one of raise, skip. Received 'ignore'"):
        mk.predict(sources["tflite"], rows, on_error="ignore")


def test_no_records_have_no_answers(sources):
    assert mk.predict(sources["tflite"], mk.data.Records.of([])) == []
