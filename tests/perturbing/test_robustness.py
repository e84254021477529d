"""Robustness of a small trained model: curves, subsets, the same from an artefact, and an exit code."""

from __future__ import annotations

import json

import numpy as np
import pytest

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.perturbing import Curve, Robustness
from multimodal_keras.perturbing.result import SubsetScore


def shade(number):
    """A picture that is bright for one label and dark for the other."""
    return np.full((16, 16, 3), 40 if number % 2 else 210, "uint8")


RECORDS = [
    {
        "title": ("dark night" if number % 2 else "bright day") + f" number {number}",
        "image": shade(number),
        "light": str(number % 2),
    }
    for number in range(48)
]


@pytest.fixture(scope="module")
def model():
    import keras

    keras.utils.set_random_seed(1)
    built = mk.build_model(
        {"title": mk.TextModality(5, optional=True), "image": mk.ImageModality((16, 16), optional=True)},
        {"light": mk.ClassificationHead()},
        encoders={"title": mk.EmbeddingEncoder(embedding_width=8), "image": mk.Conv2DEncoder((4,))},
        fusion=mk.MeanFusion(8),
        adapt_to=RECORDS,
        modality_dropout=0.3,
        seed=1,
    )
    built.compile("adam", "sparse_categorical_crossentropy")
    built.optimizer.learning_rate = 0.03
    built.fit(mk.data.batches(mk.data.Records.of(RECORDS), built, cache="memory"), epochs=12, shuffle=False, verbose=0)
    return built


@pytest.fixture(scope="module")
def found(model):
    noises = {"title": ["word_drop", "typos"], "image": ["occlusion", "mixed"]}
    return mk.robustness(model, RECORDS, noises=noises, strengths=(0.5, 1.0), bootstrap=50)


def test_curves_begin_clean_and_fall(found):
    assert {(curve.field, curve.noise) for curve in found.curves} == {
        ("title", "word_drop"),
        ("title", "typos"),
        ("image", "occlusion"),
        ("image", "mixed"),
    }
    for curve in found.curves:
        assert curve.metric == "accuracy"
        assert curve.strengths == (0.0, 0.5, 1.0)
        assert curve.values[0] == 1.0
        assert curve.lows[0] <= curve.values[0] <= curve.highs[0]


def test_subsets_are_those_of_evaluate(model, found):
    report = mk.evaluate(model, RECORDS, bootstrap=0)
    for score in found.subsets:
        row = report.subsets["+".join(score.fields)]
        assert score.value == pytest.approx(row["tasks"]["light"]["metrics"]["accuracy"]["value"])
    assert [score.fields for score in found.subsets] == [("image",), ("title",), ("image", "title")]


def test_noise_that_leaves_nothing_leaves_chance(model):
    alone = [{"image": record["image"], "light": record["light"]} for record in RECORDS]
    curve = mk.robustness(model, alone, noises={"image": ["mixed"]}, strengths=(1.0,), bootstrap=0).curves[0]
    assert curve.values[0] == 1.0
    assert curve.values[1] <= 0.75
    assert curve.lows == (None, None)


def test_an_artefact_is_measured_alike(model, tmp_path):
    mk.export(model, tmp_path / "light" / "1", sample=RECORDS, sample_size=8)
    options = {"noises": {"title": ["typos"], "image": ["blur"]}, "strengths": (1.0,), "bootstrap": 0}
    expected = mk.robustness(model, RECORDS, **options)
    for source in (tmp_path / "light" / "1", tmp_path / "light" / "1" / "model.tflite"):
        assert mk.robustness(source, RECORDS, **options).to_dict() == expected.to_dict()
    lines = "\n".join(json.dumps({"title": record["title"], "light": record["light"]}) for record in RECORDS)
    (tmp_path / "test.jsonl").write_text(lines, encoding="utf-8")
    command = ["robustness", str(tmp_path / "light" / "1"), "--data", str(tmp_path / "test.jsonl"), "--strengths", "1"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    saved = json.loads((tmp_path / "out" / "robustness.json").read_text())
    assert {curve["noise"] for curve in saved["curves"] if curve["field"] == "title"} >= {
        "typos",
        "word_drop",
        "word_swap",
    }
    assert (tmp_path / "out" / "robustness_light.png").read_bytes().startswith(b"\x89PNG")
    assert main([*command, "--min-retained", "1.01"]) == 1


def test_what_is_said_of_a_curve():
    def curve(*values, lower=False):
        none = (None,) * 3
        return Curve("task", "accuracy", "title", "typos", (0.0, 0.5, 1.0), values, none, none, lower)

    falling = curve(0.8, 0.6, 0.2)
    assert falling.area == pytest.approx((0.7 + 0.4) / 2)
    assert falling.retained == pytest.approx(0.55 / 0.8)
    # MultiBench: the sum of what lies above the baseline, shifted to the same clean value.
    assert falling.effective(curve(0.7, 0.4, 0.3)) == pytest.approx((0.6 - 0.5) + (0.2 - 0.4))
    error = curve(1.0, 2.0, 3.0, lower=True)
    assert error.retained == pytest.approx(1.0 / 2.0)
    assert error.effective(curve(1.0, 3.0, 4.0, lower=True)) == pytest.approx(2.0)


def test_failures_are_sentences(found):
    assert found.failures() == []
    said = found.failures(min_retained=1.01, min_single=1.01)
    assert any(sentence.startswith("light: word_drop on title leaves") for sentence in said)
    assert any(sentence.startswith("light: title alone reaches") for sentence in said)
    assert found.curve("title", "typos").noise == "typos"
    with pytest.raises(ValueError, match="named by field, noise and task"):
        found.curve("title", "rain")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"noises": {"sound": ["typos"]}}, "Noise is for the model's fields: image, title. Received sound"),
        ({"noises": {"title": ["blur"]}}, r"noises of title \(text\) are typos, word_drop, word_swap. Received blur"),
        ({"strengths": (2.0,)}, "above 0 and at most 1"),
        ({"strengths": ()}, "above 0 and at most 1"),
        ({"strengths": "hard"}, "above 0 and at most 1. Received 'hard'"),
        ({"noises": ["typos"]}, r"noises is a field to a list of names. Received \['typos'\]"),
        ({"noises": {"title": "typos"}}, r"Received \{'title': 'typos'\}. Pass for instance"),
        ({"bootstrap": -1}, "bootstrap is at least 0. Received -1. Raise it"),
        ({"batch_size": 0}, "batch_size is at least 1. Received 0"),
        ({"seed": -1}, "seed is at least 0. Received -1"),
    ],
)
def test_arguments_that_mean_nothing(model, arguments, said):
    with pytest.raises(ValueError, match=said):
        mk.robustness(model, RECORDS[:4], **arguments)


def test_records_without_a_label(model):
    with pytest.raises(ValueError, match="Received none with a label for light"):
        mk.robustness(model, [{"title": "a"}])


def test_a_label_that_the_model_does_not_know_names_its_record(model):
    with pytest.raises(mk.DataError, match=r"^<memory>, row 3, field 'light': A label is one .* Received '7'"):
        mk.robustness(model, [*RECORDS[:2], {**RECORDS[2], "light": "7"}])


def scored(metric, *subsets):
    """Only the scores of subsets, all modalities last."""
    return Robustness(9, [], [SubsetScore("task", metric, fields, value, None, None) for fields, value in subsets], {})


def test_subsets_fall_short_whatever_the_metric_and_without_any_curve():
    errors = scored("mae", (("a",), 4.0), (("b",), 2.5), (("a", "b"), 2.0))
    assert errors.failures(min_single=0.6) == ["task: a alone reaches 0.500 of mean absolute error, below 0.6"]
    assert scored("mae", (("a",), 4.0), (("a", "b"), 0.0)).failures(min_single=0.6)
    # Of an accuracy of 0 there is no share. It falls short of whatever was asked for, and of nothing else.
    wrong = scored("accuracy", (("a",), 0.5), (("a", "b"), 0.0))
    assert len(wrong.failures(min_single=0.5)) == 1
    assert wrong.failures() == []
    nothing = Curve("task", "accuracy", "a", "typos", (0.0, 1.0), (0.0, 0.0), (None,) * 2, (None,) * 2, False)
    assert len(Robustness(9, [nothing], [], {}).failures(min_retained=0.5)) == 1
    assert Robustness(9, [nothing], [], {}).failures() == []


def test_shares_that_ask_for_nothing_sensible():
    with pytest.raises(ValueError, match=r"min_single compares subsets .* Declare modalities optional=True"):
        scored("accuracy", (("a", "b"), 0.5)).failures(min_single=0.5)
    with pytest.raises(ValueError, match=r"min_retained is a share, 0 or more. Received -0.5"):
        scored("accuracy", (("a", "b"), 0.5)).failures(min_retained=-0.5)
