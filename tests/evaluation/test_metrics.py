"""Metrics against numbers that can be worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics as sk

from multimodal_keras.evaluation.calibration import bins, calibration_error
from multimodal_keras.evaluation.classification import ClassificationScores
from multimodal_keras.evaluation.multilabel import MultiLabelScores
from multimodal_keras.evaluation.ranking import Ranking
from multimodal_keras.evaluation.regression import RegressionScores

# Answers: 0, 0, 1, 1 for the truth 0, 1, 1, 1.
TRUTH = np.array([0, 1, 1, 1])
CHANCES = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0], [0.3, 0.7, 0.0]])


def random_classification(records=80, labels=4, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(labels, size=records)
    scores = random.normal(size=(records, labels)) + 1.2 * np.eye(labels)[truth]
    return truth, np.round(np.exp(scores) / np.exp(scores).sum(1, keepdims=True), 2) + 1e-3


def test_classification_by_hand():
    values = ClassificationScores(TRUTH, CHANCES, ["a", "b", "c"]).values()
    assert values["accuracy"] == pytest.approx(3 / 4)
    assert values["balanced_accuracy"] == pytest.approx((1 + 2 / 3) / 2)
    assert values["macro_precision"] == pytest.approx((1 / 2 + 1) / 2)
    assert values["macro_recall"] == pytest.approx((1 + 2 / 3) / 2)
    assert values["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert values["micro_f1"] == pytest.approx(3 / 4)
    assert values["roc_auc"] == pytest.approx(1.0)
    assert values["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7]).mean())


def test_a_label_that_does_not_occur_counts_nowhere():
    with_third = ClassificationScores(TRUTH, CHANCES).values()
    without = ClassificationScores(TRUTH, CHANCES[:, :2]).values()
    assert with_third == pytest.approx(without)


def test_per_class_by_hand():
    table = ClassificationScores(TRUTH, CHANCES, ["a", "b", "c"]).per_class()
    expected = {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "roc_auc": 1.0, "average_precision": 1.0, "records": 1}
    assert table["a"] == pytest.approx(expected)
    assert table["c"] == dict.fromkeys(expected) | {"records": 0}


def test_one_class_leaves_areas_undefined_with_a_reason():
    values = ClassificationScores(np.zeros(3, int), CHANCES[:3]).values()
    assert values["roc_auc"] == values["average_precision"] == "all labelled records have the same label"
    assert values["accuracy"] == pytest.approx(2 / 3)


def test_multilabel_by_hand():
    truth = np.array([[1, 0], [1, 1], [0, 0], [0, 1]])
    chances = np.array([[0.9, 0.2], [0.4, 0.7], [0.1, 0.6], [0.2, 0.8]])
    values = MultiLabelScores(truth, chances, ["x", "y"]).values()
    assert values["subset_accuracy"] == pytest.approx(2 / 4)
    assert values["hamming_loss"] == pytest.approx(2 / 8)
    assert values["micro_precision"] == pytest.approx(3 / 4)
    assert values["micro_recall"] == pytest.approx(3 / 4)
    assert values["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert values["roc_auc"] == pytest.approx(1.0)


def test_multilabel_without_any_label_is_undefined_with_reasons():
    values = MultiLabelScores(np.zeros((3, 2)), np.full((3, 2), 0.1)).values()
    assert values["micro_precision"] == "no label is predicted"
    assert values["micro_recall"] == "no record has a label"
    assert values["macro_f1"] == "no label occurs at all"
    assert isinstance(values["roc_auc"], str)
    assert values["subset_accuracy"] == 1.0


def test_regression_by_hand():
    values = RegressionScores(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [5.0]])).values()
    assert values == pytest.approx({"mae": 2 / 3, "rmse": np.sqrt(4 / 3), "r2": 1 - 4 / 2})
    assert isinstance(RegressionScores(np.ones(3), np.zeros(3)).values()["r2"], str)


def test_calibration_error_by_hand():
    # Bin (0.7, 0.8]: confidence 0.75, half right. Bin (0.9, 1]: confidence 0.95, all right.
    confidence, right = np.array([0.75, 0.75, 0.95, 0.95]), np.array([True, False, True, True])
    assert calibration_error(confidence, right, 10) == pytest.approx(0.5 * 0.25 + 0.5 * 0.05)


def test_bins_hold_zero_and_one():
    answers, _, true = bins(np.array([0.0, 1.0, 0.5]), np.array([False, True, True]), 2)
    assert answers.tolist() == [2, 1]
    assert true.tolist() == [0.5, 1.0]


@pytest.mark.parametrize("seed", [0, 1])
def test_ranking_agrees_with_scikit_learn_with_ties_and_weights(seed):
    truth, chances = random_classification(seed=seed)
    counts = np.random.default_rng(seed + 10).integers(0, 4, len(truth)).astype(float)
    roc, average = Ranking(truth[:, None] == np.arange(4), chances).areas(counts)
    for k in range(4):
        arguments = truth == k, chances[:, k]
        assert roc[k] == pytest.approx(sk.roc_auc_score(*arguments, sample_weight=counts))
        assert average[k] == pytest.approx(sk.average_precision_score(*arguments, sample_weight=counts))


def cases():
    truth, chances = random_classification()
    yield ClassificationScores(truth, chances)
    yield MultiLabelScores(np.eye(4)[truth], chances)
    yield RegressionScores(truth.astype("float32"), chances[:, 0])


@pytest.mark.parametrize("scores", list(cases()), ids=lambda scores: scores.kind)
def test_each_record_once_is_the_metric_itself(scores):
    values = scores.values()
    again = scores.resampled(np.ones(80), scores.with_interval)
    assert {name: again[name] for name in scores.with_interval} == pytest.approx(
        {name: values[name] for name in scores.with_interval}
    )


@pytest.mark.parametrize("scores", list(cases()), ids=lambda scores: scores.kind)
def test_counting_a_record_is_repeating_it(scores):
    counts = np.random.default_rng(3).integers(0, 3, 80)
    rows = np.repeat(np.arange(80), counts)
    predicted = scores.answer if scores.kind == "regression" else scores.chances
    repeated = type(scores)(scores.truth[rows], predicted[rows]).values()
    counted = scores.resampled(counts.astype(float), scores.with_interval)
    assert {name: counted[name] for name in scores.with_interval} == pytest.approx(
        {name: repeated[name] for name in scores.with_interval}
    )


def test_predictions_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match=r"finite.*Received NaN or infinity for 1 of 4"):
        ClassificationScores(TRUTH, np.where(CHANCES == 0.9, np.nan, CHANCES))


def test_shapes_and_labels_are_checked():
    with pytest.raises(ValueError, match="Received 4 targets and 3 predictions"):
        ClassificationScores(TRUTH, CHANCES[:3])
    with pytest.raises(ValueError, match=r"from 0 to 2\. Received 0 to 7"):
        ClassificationScores(np.array([0, 7, 1, 1]), CHANCES)
    with pytest.raises(ValueError, match=r"\(records, labels\)"):
        MultiLabelScores(TRUTH, CHANCES)
    with pytest.raises(ValueError, match="one number for each record"):
        RegressionScores(TRUTH, CHANCES)
