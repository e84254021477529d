"""Attributions where the truth is known: linear models, a patch in a corner, one word among others; and on real records."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from PIL import Image

import multimodal_keras as mk
from multimodal_keras.attributing import Attributions
from multimodal_keras.attributing.result import where
from multimodal_keras.base import parts
from multimodal_keras.cli import main

HOSTILE = '<script>alert(1)</script> mars & "co"'
FILLERS = ["lake", "road", "tree", "wind", "lamp", "door"]


def test_a_linear_model_has_its_weights_times_its_inputs():
    keras.utils.set_random_seed(2)
    model = mk.build_model(
        {"vector": mk.EmbeddingModality(4), "text": mk.TextModality(5, vocabulary=["red", "cat", "far"])},
        {"height": mk.RegressionHead(mean=0.0, deviation=1.0)},
        encoders={"vector": mk.DenseEncoder(3), "text": "BagOfWordsEncoder"},
    )
    base = np.zeros(4, "float32")
    vector = np.array([0.5, -2.0, 3.0, 0.0], "float32")
    rows = [{"vector": base + row, "text": "x"} for row in np.eye(4)]
    rows += [{"vector": base, "text": text} for text in ("x", "red", "cat", "far")]
    answers = [answer["height"]["value"] for answer in mk.predict(model, rows)]
    slopes, words = np.array(answers[:4]) - answers[4], np.array(answers[5:]) - answers[4]
    told = mk.attribute(model, [{"vector": vector, "text": "Cat, cat nothing red"}], steps=4)[0]["height"]
    np.testing.assert_allclose([part.value for part in told["vector"].parts], slopes * vector, atol=1e-5)
    parts = told["text"].parts
    assert [part.name for part in parts] == ["cat", "cat", "nothing", "red"]
    np.testing.assert_allclose([part.value for part in parts], [words[1], words[1], 0.0, words[0]], atol=1e-5)
    assert told.residual == pytest.approx(0.0, abs=1e-5)


def test_the_answer_of_a_calibrated_model_is_attributed():
    keras.utils.set_random_seed(4)
    records = mk.data.clipart().where(split="train").shard(0, 30)
    model = mk.build_model(
        {"title": mk.TextModality(4, optional=True), "description": mk.TextModality(4, optional=True)},
        {"subject": mk.ClassificationHead()},
        adapt_to=records,
    )
    head = parts(model).heads["subject"]
    head.set_weights([90 * weight for weight in head.get_weights()])  # far too sure
    calibrated = mk.calibrate(model, records, coverage=None, ood=None)
    row = [{"title": next(iter(records))["title"], "description": ""}]
    plain, scaled = (mk.predict(each, row)[0]["subject"]["probability"] for each in (model, calibrated))
    assert abs(plain - scaled) > 0.1
    told = mk.attribute(calibrated, row, steps=16)[0]["subject"]
    assert told.prediction == pytest.approx(scaled, abs=1e-5)
    assert mk.attribute(model, row, steps=16)[0]["subject"].prediction == pytest.approx(plain, abs=1e-5)


def test_scale_invariance_near_the_baseline_is_integrated_too():
    """Layer normalisation changes within a thousandth of the line."""
    keras.utils.set_random_seed(3)
    columns = [{"name": name, "kind": "number", "mean": 0.0, "deviation": 1.0} for name in "ab"]
    model = mk.build_model(
        {"table": mk.TabularModality(columns)},
        {"height": mk.RegressionHead(mean=0.0, deviation=1.0)},
        encoders={"table": mk.MLPEncoder([8, 8], dropout=0.0)},
    )
    found = mk.attribute(model, [{"a": 2.0, "b": -1.0}, {"a": 0.3, "b": 4.0}])
    for record in found:
        told = record["height"]
        assert abs(told.residual) <= 0.02 * abs(told.prediction - told.baseline)


def planted_rows(count, seed):
    """A label by one word among others, and another one by the colour of a patch in the upper left corner."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        word, colour = random.choice(["mars", "zinc"]), random.integers(2)
        words = [*random.choice(FILLERS, 5, replace=False)]
        words.insert(random.integers(6), word)
        picture = random.integers(90, 166, (32, 32, 3)).astype("uint8")
        picture[2:12, 2:12] = [(230, 40, 40), (40, 40, 230)][colour]
        at = random.integers(16, 22, 2)
        picture[at[0] : at[0] + 8, at[1] : at[1] + 8] = random.integers(0, 256, 3)
        rows.append({"text": " ".join(words), "image": picture, "kind": word, "shade": ["red", "blue"][colour]})
    return rows


@pytest.fixture(scope="module")
def planted():
    """A model that was trained on them."""
    keras.utils.set_random_seed(6)
    rows = planted_rows(128, 1)
    model = mk.build_model(
        {"text": mk.TextModality(8), "image": mk.ImageModality((32, 32), optional=True)},
        {"kind": mk.ClassificationHead(), "shade": mk.ClassificationHead()},
        encoders={"text": mk.EmbeddingEncoder(embedding_width=16), "image": mk.Conv2DEncoder((8, 16))},
        adapt_to=rows,
    )
    mk.fit(model, rows, epochs=10, learning_rate=0.02, patience=None, verbose=0)
    return model


@pytest.fixture(scope="module")
def told(planted):
    """Forty new records, then one without a picture, and one that is hostile."""
    rows = planted_rows(42, 2)
    rows[40]["image"] = None
    rows[41]["text"] = HOSTILE
    return rows, mk.attribute(planted, rows, steps=16)


def test_the_word_that_decides_comes_first(told):
    rows, found = told[0][:40], told[1][:40]
    right = [record["kind"].label == row["kind"] for row, record in zip(rows, found, strict=True)]
    assert np.mean(right) >= 0.95
    first = [max(record["kind"]["text"].parts, key=lambda part: part.value).name for record in found]
    assert np.mean([name == row["kind"] for name, row in zip(first, rows, strict=True)]) >= 0.95
    for row, record in zip(rows, found, strict=True):
        for part in record["kind"]["text"].parts:
            assert row["text"][part.start : part.end] == part.name


def test_grad_cam_finds_the_patch(told):
    rows, found = told
    shares = []
    for row, record in zip(rows[:40], found, strict=False):
        assert record["shade"].label == row["shade"]
        grid = record["shade"]["image"].map
        assert grid.shape == (8, 8)
        shares.append(grid[:4, :4].sum() / grid.sum())
    assert np.mean(shares) >= 0.6
    assert found[40]["shade"]["image"].method == "absent"
    assert not found[40]["shade"]["image"].total


@pytest.mark.parametrize(
    ("shape", "cell", "said"),
    [
        ((1, 1), (0, 0), "middle centre 100%"),
        ((2, 2), (1, 0), "lower left 100%"),
        ((2, 3), (0, 2), "upper right 100%"),
        ((5, 5), (2, 3), "middle right 100%"),
    ],
)
def test_a_place_is_named_by_the_middle_of_its_cell(shape, cell, said):
    table = np.zeros(shape)
    table[cell] = 2.0
    assert where(table) == said


def test_saved_and_shown(told, tmp_path):
    found = Attributions(told[1][:39:-1], {"steps": 16})
    folder = found.save(tmp_path / "inside")
    saved = json.loads((folder / "attributions.json").read_text(encoding="utf-8"))
    facts = saved["records"][0]["tasks"]["shade"]
    assert facts["prediction"] - facts["baseline"] - facts["residual"] == pytest.approx(
        sum(field["total"] for field in facts["fields"].values())
    )
    assert np.load(folder / "maps.npz")["0001_shade_image"].tolist() == facts["fields"]["image"]["map"]
    with Image.open(folder / facts["fields"]["image"]["picture"]) as image:
        assert image.size == (384, 384)
    assert saved["records"][1]["tasks"]["kind"]["fields"]["image"] == {
        "kind": "image",
        "method": "absent",
        "total": 0.0,
    }
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http:" not in page
    assert "//" not in page.split("base64")[0]
    assert "&lt;" in page
    assert 'class="for strong"' in page or 'class="against strong"' in page
    printed = str(found)
    assert "record 42\n  kind: " in printed
    assert "Grad-CAM: " in printed
    assert "image  absent" in printed


def test_on_the_command_line(planted, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    planted.save(tmp_path / "run" / "model.keras")
    (tmp_path / "new.csv").write_text("text,image\nlake mars,\nroad zinc,missing.png\n", encoding="utf-8")
    command = ["explain", str(tmp_path / "run"), "--data", str(tmp_path / "new.csv"), "--inside", "--steps", "8"]
    assert main([*command, "--on-error", "skip", "--output", str(tmp_path / "told"), "--label", "kind=zinc"]) == 0
    printed = capsys.readouterr()
    assert "kind: zinc " in printed.out
    assert "1 records skipped" in printed.err
    assert (tmp_path / "told" / "page.html").exists()
    saved = json.loads((tmp_path / "told" / "attributions.json").read_text(encoding="utf-8"))
    lake, mars = saved["records"][0]["tasks"]["kind"]["fields"]["text"]["parts"]
    assert mars["name"] == "mars"
    assert mars["value"] < -abs(lake["value"])  # it speaks against the label that was asked about
    assert main([*command, "--output", "x.jsonl"]) == 2
    assert "written into a folder" in capsys.readouterr().err
    assert main([*command, "--label", "kind"]) == 2
    assert "such as subject=animals" in capsys.readouterr().err
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "contract.json").write_text("{}")
    assert main([command[0], str(tmp_path / "1"), *command[2:]]) == 2
    assert "told by gradients, which only a Keras model has" in capsys.readouterr().err
    assert main(["explain", str(tmp_path / "run"), "--data", str(tmp_path / "new.csv"), "--label", "kind=zinc"]) == 2
    assert "Add --inside" in capsys.readouterr().err


def test_mistakes_are_told(planted):
    with pytest.raises(ValueError, match=r"steps is at least 1, a whole number. Received 1.5"):
        mk.attribute(planted, [], steps=1.5)
    with pytest.raises(ValueError, match=r"labels is task to label. Received 'zinc'. Pass for instance"):
        mk.attribute(planted, [], labels="zinc")
    with pytest.raises(ValueError, match=r"steps is at least 1, a whole number. Received 0"):
        mk.attribute(planted, [], steps=0)
    with pytest.raises(ValueError, match=r"one of its task's: mars, zinc. Received 'lead' for 'kind'"):
        mk.attribute(planted, [], labels={"kind": "lead"})
    with pytest.raises(ValueError, match=r"for the model's tasks: kind, shade. Received 'mood'"):
        mk.attribute(planted, [], labels={"mood": "good"})


def test_real_records_are_told_completely(clipart):
    keras.utils.set_random_seed(8)
    model = mk.build_model(
        {"title": mk.TextModality(8), "image": mk.ImageModality((32, 32))},
        {"subject": mk.ClassificationHead()},
        encoders={
            "title": mk.GRUEncoder(16, embedding_width=16, jit_compile=False),
            "image": mk.Conv2DEncoder((8, 16)),
        },
        adapt_to=clipart,
    )
    # As decided as a trained one.
    for weight in parts(model).heads["subject"].trainable_variables:
        weight.assign(20.0 * weight)
    found = mk.attribute(model, clipart.take(12))
    answers = [record["subject"] for record in found]
    moved = np.sum([abs(each.prediction - each.baseline) for each in answers])
    assert moved > 2.0
    assert np.sum([abs(each.residual) for each in answers]) <= 1e-2 * moved
