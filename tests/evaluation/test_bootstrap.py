"""Intervals that hold what they should, and comparisons that see what is there and nothing else."""

import numpy as np
import pytest

from multimodal_keras.evaluation import paired_difference
from multimodal_keras.evaluation.bootstrap import MOST_PROBABILITIES, intervals, percentiles, resamples
from multimodal_keras.evaluation.classification import ClassificationScores
from multimodal_keras.evaluation.measure import task_metrics


def answers(truth, right, labels=2):
    """Probabilities that are right where `right` says so."""
    given = np.where(right, truth, (truth + 1) % labels)
    return 0.8 * np.eye(labels)[given] + 0.1


def test_the_interval_of_accuracy_is_that_of_a_binomial():
    truth = np.arange(400) % 2
    scores = ClassificationScores(truth, answers(truth, np.arange(400) % 10 < 8))
    low, high, reason = intervals(scores, 400, ["accuracy"], 1000, 0)["accuracy"]
    width = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert reason is None
    assert (low, high) == pytest.approx((0.8 - width, 0.8 + width), abs=0.01)


def test_equal_seeds_give_equal_intervals():
    truth = np.arange(50) % 2
    scores = ClassificationScores(truth, answers(truth, np.arange(50) % 3 > 0))
    first, again, other = (task_metrics(scores, 50, 100, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_resample_has_as_many_records():
    assert [counts.sum() for counts in resamples(7, 3, 0)] == [7, 7, 7]


def test_one_record_has_no_interval():
    scores = ClassificationScores(np.array([1]), np.array([[0.2, 0.8]]))
    metrics = task_metrics(scores, 1, 100, 0)
    assert metrics["accuracy"] == {
        "value": 1.0,
        "low": None,
        "high": None,
        "reason": "no interval: too few records or resamples",
    }
    assert metrics["roc_auc"]["reason"].startswith("not defined: ")


def test_values_that_are_mostly_undefined_give_no_interval():
    assert percentiles([0.5, float("nan"), float("nan")])[:2] == (None, None)
    assert percentiles([0.5, 0.5, float("nan")])[:2] == (0.5, 0.5)


def test_sorting_too_much_is_declined_with_a_reason():
    truth = np.arange(MOST_PROBABILITIES // 2 + 1) % 2
    scores = ClassificationScores(truth, np.eye(2)[truth])
    found = intervals(scores, len(truth), ["accuracy", "roc_auc"], 2, 0)
    assert found["accuracy"] == (1.0, 1.0, None)
    assert "more than 250,000" in found["roc_auc"][2]


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "log_loss", "roc_auc"])
def test_a_planted_difference_is_found_and_a_null_one_is_not(metric):
    random = np.random.default_rng(0)
    truth = np.arange(300) % 3
    right = random.random(300)
    good, bad = answers(truth, right < 0.85, 3), answers(truth, right < 0.7, 3)
    alike = answers(truth, np.roll(right, 30) < 0.85, 3)
    sign = -1 if metric == "log_loss" else 1
    planted = paired_difference(metric, truth, good, bad, bootstrap=300)
    assert planted.outside
    assert sign * planted.value > 0
    assert not paired_difference(metric, truth, good, alike, bootstrap=300).outside
    assert paired_difference(metric, truth, good, good, bootstrap=50).value == 0.0


def test_pairing_sees_what_two_intervals_do_not():
    truth = np.arange(200) % 2
    right = np.arange(200) % 10 < 7
    better = right | (np.arange(200) % 25 == 24)
    difference = paired_difference("accuracy", truth, answers(truth, better), answers(truth, right))
    assert difference.outside
    assert difference.value < 0.1


def test_a_function_as_metric_and_regression():
    truth = np.arange(50.0)[:, None]
    named = paired_difference("mae", truth, truth + 1, truth + 2, kind="regression", bootstrap=20)
    given = paired_difference(lambda y, p: float(np.abs(y - p).mean()), truth, truth + 1, truth + 2, bootstrap=20)
    assert named == given
    assert (named.value, named.low, named.high) == pytest.approx((-1, -1, -1))


def test_unlabelled_records_are_left_out_of_a_comparison():
    truth = np.array([0, 1, 0, 1])
    first, second = answers(truth, np.array([1, 1, 0, 0]) > 0), answers(truth, np.array([1, 1, 1, 1]) > 0)
    difference = paired_difference("accuracy", truth, first, second, [1, 1, 0, 0], bootstrap=20)
    assert (difference.value, difference.records) == (0.0, 2)


def test_a_comparison_says_what_is_wrong():
    truth = np.array([0, 1])
    chances = np.eye(2)
    with pytest.raises(ValueError, match="Received arrays of"):
        paired_difference("accuracy", truth, chances, chances[:1])
    with pytest.raises(ValueError, match=r"Received 'acuracy'\. Known: accuracy"):
        paired_difference("acuracy", truth, chances, chances)
    with pytest.raises(ValueError, match="Received 'ranking'"):
        paired_difference("accuracy", truth, chances, chances, kind="ranking")
    with pytest.raises(ValueError, match="Received none with a weight above 0"):
        paired_difference("accuracy", truth, chances, chances, [0, 0])
    with pytest.raises(ValueError, match="not defined"):
        paired_difference("r2", np.ones(3), np.ones(3), np.ones(3), kind="regression")
