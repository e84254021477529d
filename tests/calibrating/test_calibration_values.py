"""The numbers of a calibration, worked out by hand or recovered from data whose truth is known."""

from __future__ import annotations

import math

import keras  # noqa: F401 (first, so that the components are registered)
import numpy as np
import pytest
from scipy.special import expit, softmax

import multimodal_keras as mk
from multimodal_keras.base.calibration import (
    LabelCalibration,
    PresencePattern,
    ValueCalibration,
    conformal_scores,
    scaled_probabilities,
)
from multimodal_keras.base.unusual import EnergyScore, MahalanobisScore
from multimodal_keras.calibrating.conformal import (
    ALWAYS,
    conformal_quantile,
    fewest_records,
    half_width,
    label_limits,
)
from multimodal_keras.calibrating.fitting import DOWN, UP, rounded
from multimodal_keras.calibrating.options import CalibrationOptions, calibration_options
from multimodal_keras.calibrating.scaling import fit_scaling
from multimodal_keras.calibrating.thresholds import (
    NEVER,
    acceptance_thresholds,
    threshold_for_precision,
    threshold_for_recall,
)

THREE = np.array([[0.5, 0.3, 0.2]], "float32")


def drawn(temperature, records=20_000, labels=4):
    """Probabilities that are too sharp by a known temperature, and labels drawn from the true ones."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(records, labels)) * 2
    true = softmax(logits, axis=1)
    truth = (true.cumsum(axis=1) < random.random((records, 1))).sum(axis=1)
    return softmax(logits * temperature, axis=1).astype("float32"), truth


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_recovered(temperature):
    slope, offset = fit_scaling(*drawn(temperature), "temperature")
    assert 1 / slope[0] == pytest.approx(temperature, rel=0.03)
    assert offset.tolist() == [0.0]


def test_vector_scaling_recovers_what_was_done_to_each_label():
    random = np.random.default_rng(1)
    slopes, offsets = np.array([0.5, 1.0, 1.5]), np.array([0.8, -0.3, -0.5])
    logits = np.log(softmax(random.normal(size=(40_000, 3)) * 2, axis=1))
    true = softmax(logits * slopes + offsets, axis=1)
    truth = (true.cumsum(axis=1) < random.random((len(true), 1))).sum(axis=1)
    slope, offset = fit_scaling(np.exp(logits), truth, "vector")
    np.testing.assert_allclose(slope, slopes, atol=0.05)
    np.testing.assert_allclose(offset - offset[0], offsets - offsets[0], atol=0.1)


def test_platt_scaling_recovers_each_label_and_a_label_that_no_record_has_stays_finite():
    random = np.random.default_rng(2)
    logits = random.normal(size=(20_000, 2)) * 2
    truth = np.stack([random.random(20_000) < expit(0.5 * logits[:, 0] - 1), np.zeros(20_000, bool)], axis=1)
    slope, offset = fit_scaling(expit(logits), truth.astype("float32"), "vector")
    assert (slope[0], offset[0]) == pytest.approx((0.5, -1.0), abs=0.05)
    assert np.isfinite([slope[1], offset[1]]).all()
    assert expit(offset[1]) < 0.01
    together = fit_scaling(
        expit(logits), (random.random((20_000, 2)) < expit(logits / 2)).astype("float32"), "temperature"
    )
    assert 1 / together[0][0] == pytest.approx(2.0, rel=0.05)


def test_scaling_logarithms_of_probabilities_is_scaling_logits():
    logits = np.array([[4.0, 1.0, -2.0], [0.0, 0.5, 80.0]], "float32")
    found = scaled_probabilities(
        softmax(logits, axis=1), np.array([[0.4]], "float32"), np.zeros((1, 1), "float32"), True
    )
    np.testing.assert_allclose(found, softmax(logits * 0.4, axis=1), atol=1e-6)


def test_probabilities_of_zero_and_one_stay_finite():
    sure = np.array([[1.0, 0.0]], "float32")
    for single in (True, False):
        found = np.asarray(
            scaled_probabilities(sure, np.full((1, 1), 3.0, "float32"), np.zeros((1, 2), "float32"), single)
        )
        assert np.isfinite(found).all()
        assert found[0, 0] > 0.999
    assert np.isfinite(conformal_scores(sure, {"sets": "lac"})).all()


def test_the_quantile_by_hand():
    nine = np.arange(1.0, 10.0)[::-1]
    assert conformal_quantile(nine, 0.9) == 9.0  # ceil(10 * 0.9) = 9, the largest of nine
    assert conformal_quantile(nine, 0.8) == 8.0
    assert conformal_quantile(nine, 0.75) == 8.0  # ceil(7.5)
    assert conformal_quantile(nine[:8], 0.9) == math.inf
    assert [fewest_records(share) for share in (0.5, 0.8, 0.9, 0.95)] == [1, 4, 9, 19]


def test_scores_by_hand_on_three_labels():
    np.testing.assert_allclose(conformal_scores(THREE, {"sets": "lac"}), -np.log(THREE), rtol=1e-6)
    np.testing.assert_allclose(conformal_scores(THREE, {"sets": "aps"}), [[0.5, 0.8, 1.0]], rtol=1e-6)
    # One label ahead is free; the second costs 0.1, the third 0.2.
    raps = conformal_scores(THREE, {"sets": "raps", "penalty": 0.1, "free_labels": 1})
    np.testing.assert_allclose(raps, [[0.5, 0.9, 1.2]], rtol=1e-6)
    # Equal labels are in or out together.
    np.testing.assert_allclose(
        conformal_scores(np.array([[0.4, 0.4, 0.2]], "float32"), {"sets": "aps"}), [[0.8, 0.8, 1]]
    )


def test_limits_by_hand():
    scores = np.array([[1.0, 9.0], [2.0, 9.0], [9.0, 3.0], [9.0, 4.0]])
    single = np.array([0, 0, 1, 1])
    np.testing.assert_allclose(label_limits(scores, single, 0.6, by_class=False), [3.0, 3.0], rtol=1e-4)
    np.testing.assert_allclose(label_limits(scores, single, 0.6, by_class=True), [2.0, 4.0], rtol=1e-4)
    assert label_limits(scores, single, 0.7, by_class=True).tolist() == [ALWAYS, ALWAYS]
    # Of several labels the worst counts; a record without one is covered by any set.
    several = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
    np.testing.assert_allclose(label_limits(scores, several, 0.6, by_class=False), [3.0, 3.0], rtol=1e-4)
    assert half_width(np.zeros((4, 1)), np.array([[1.0], [-2.0], [3.0], [4.0]]), 0.6) == pytest.approx(3.0, rel=1e-4)


@pytest.mark.parametrize("sets", ["lac", "aps", "raps"])
def test_coverage_is_what_was_promised(sets):
    """Over many draws of calibration and test records, the mean coverage lies between 1 - a and 1 - a + 1 / (n + 1)."""
    predicted, truth = drawn(2.0, records=40_000)
    scores = np.asarray(conformal_scores(predicted, CalibrationOptions(sets=sets).to_dict()))
    own = scores[np.arange(len(truth)), truth].reshape(200, 200)
    covered = [np.mean(row[100:] <= label_limits(row[:100, None], np.zeros(100, int), 0.9, False)) for row in own]
    assert 0.9 - 0.005 < np.mean(covered) < 0.9 + 1 / 101 + 0.005


def test_thresholds_by_hand():
    chances, true = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True])
    assert threshold_for_precision(chances, true, 0.6) == 0.6  # 3 of 4, as 3 of 5
    assert threshold_for_precision(chances, true, 0.65) == 0.8  # 2 of 2, as 2 of 3
    assert threshold_for_precision(chances, true, 0.7) == NEVER
    assert threshold_for_recall(chances, true, positives=4, recall=0.5) == 0.8
    assert threshold_for_recall(chances, true, positives=4, recall=0.75) == 0.6
    assert threshold_for_recall(chances, true, positives=4, recall=0.8) == 0.0


def test_thresholds_of_a_single_label_look_at_its_answers_only():
    predicted = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])
    found = acceptance_thresholds(predicted, np.array([0, 1, 1, 1]), 0.5, None)
    assert found.tolist() == [0.9, 0.7]
    several = acceptance_thresholds(predicted, np.array([[1, 0], [0, 1], [0, 1], [0, 1]]), None, 1.0)
    assert several.tolist() == [0.9, 0.4]


def test_patterns_choose_the_row():
    present = {"image": np.array([False, True, False, True]), "title": np.array([False, False, True, True])}
    pattern = PresencePattern()(present)
    np.testing.assert_array_equal(pattern, np.eye(4))
    layer = ValueCalibration(options={}, numbers={"half_width": [[4.0], [3.0], [2.0], [1.0]]}, records=[9] * 4)
    answered = layer(np.full((4, 1), 10.0, "float32"), pattern)
    np.testing.assert_allclose(answered["interval"], [[6, 14], [7, 13], [8, 12], [9, 11]])


def test_sets_and_acceptance_of_the_layer():
    numbers = {"slope": [[1.0]], "offset": [[0.0]], "limit": [[-math.log(0.25)] * 3], "threshold": [[0.6, 0.1, 0.1]]}
    common = {"options": {"sets": "lac"}, "numbers": numbers, "records": [9]}
    predicted = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2]], "float32")
    single = LabelCalibration(single=True, **common)(predicted)
    assert np.asarray(single["set"]).tolist() == [[True, True, False], [False, True, False]]
    assert np.asarray(single["accepted"]).tolist() == [False, True]
    several = LabelCalibration(single=False, **common)(predicted)
    assert np.asarray(several["accepted"]).tolist() == [[False, True, True], [False, True, True]]


def test_energy_and_distance_by_hand():
    head = mk.ClassificationHead(labels=["a", "b"])
    head.build((None, 2))
    head.set_weights([np.eye(2), np.zeros(2)])
    common = {"options": {"ood": 0.9}, "limit": [[-1.0]], "records": [9]}
    fused = np.array([[1.0, 2.0]], "float32")
    score = EnergyScore(heads=[head], **common)
    assert float(score(fused)[0, 0]) == pytest.approx(1 - math.log(math.e + math.e**2), rel=1e-6)
    distance = MahalanobisScore(mean=[[0.0, 0.0]], deviation=[[1.0, 2.0]], **common)
    assert float(distance(fused)[0, 0]) == pytest.approx(2.0, rel=1e-6)  # sqrt of the mean of 1 and 1, and 1
    several = mk.MultiLabelHead(labels=["a", "b"])
    several.build((None, 2))
    several.set_weights([np.eye(2), np.zeros(2)])
    expected = -math.log(1 + math.e) - math.log(1 + math.e**2) + 1
    assert float(EnergyScore(heads=[several], **common)(fused)[0, 0]) == pytest.approx(expected, rel=1e-6)


def test_what_float16_keeps_never_narrows_a_set():
    values = np.array([3.14159, 1e4, 0.1])
    up, down = rounded(values, "float16", UP), rounded(values, "float16", DOWN)
    assert (up >= values).all()
    assert (down <= values).all()
    np.testing.assert_array_equal(up, up.astype("float16").astype("float64"))
    np.testing.assert_allclose(up, values, rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"coverage": 1.0}, r"coverage is a share above 0 and below 1. Received 1.0"),
        ({"scaling": "isotonic"}, r"scaling is one of temperature, vector, none. Received 'isotonic'"),
        ({"sets": "top"}, r"sets is one of lac, aps, raps"),
        ({"precision": 0.9, "recall": 0.9}, r"accepted by one rule"),
        ({"penalty": -1.0}, r"are 0 or more"),
        (
            {"coverage": None, "scaling": "none", "ood": None},
            r"A calibration fits something. Received options that leave",
        ),
        ({"penalty": 0.5}, r"penalty is of sets='raps'. Received 0.5 without it. Leave it out"),
        ({"free_labels": 1, "sets": "aps"}, r"free_labels is of sets='raps'. Received 1"),
        ({"by_class": True, "coverage": None}, r"by_class is of sets \(coverage\). Received True without it"),
        ({"ood_score": "energy", "ood": None}, r"ood_score is of the score of unusual records"),
        ({"covrage": 0.9}, r"Did you mean calibrate.coverage"),
    ],
)
def test_options_out_of_range(options, said):
    with pytest.raises(ValueError, match=said):
        calibration_options(options)
