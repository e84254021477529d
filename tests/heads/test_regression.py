"""A number in its own unit."""

from __future__ import annotations

import numpy as np
import pytest

import multimodal_keras as mk


@pytest.mark.oldest
def test_mean_and_deviation_of_records():
    head = mk.RegressionHead(unit="EUR")
    head.adapt([1.0, "2", None, 3, float("nan"), "6.0"])
    assert head.mean == pytest.approx(3.0)
    assert head.deviation == pytest.approx(np.std([1, 2, 3, 6]))
    assert mk.RegressionHead.from_config(head.get_config()).deviation == head.deviation
    assert head.contract() == {"kind": "regression", "unit": "EUR", "mean": head.mean, "deviation": head.deviation}


def test_what_was_given_by_hand_stays():
    head = mk.RegressionHead(mean=10.0)
    assert not head.is_adapted
    head.adapt([1, 3])
    assert (head.mean, head.deviation) == (10.0, 1.0)


def test_equal_numbers_have_deviation_one():
    head = mk.RegressionHead()
    head.adapt([5, 5])
    assert (head.mean, head.deviation) == (5.0, 1.0)


def test_the_answer_is_scaled_back():
    head, plain = mk.RegressionHead(mean=100.0, deviation=20.0), mk.RegressionHead(mean=0.0, deviation=1.0)
    fused = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    head(fused)
    plain(fused)
    plain.set_weights(head.get_weights())
    np.testing.assert_allclose(head(fused), 100 + 20 * plain(fused).numpy(), rtol=1e-6)


def test_the_loss_is_in_deviations():
    loss = mk.RegressionHead(mean=0.0, deviation=4.0).default_loss()
    truth, guess = np.array([[8.0], [1.0], [0.0]]), np.array([[4.0], [1.0], [99.0]])
    np.testing.assert_allclose(loss(truth[:2], guess[:2]), (1.0 + 0.0) / 2)
    np.testing.assert_allclose(loss(truth, guess, sample_weight=np.array([1.0, 1.0, 0.0])), 0.5)


def test_values_to_targets():
    targets, weights = mk.RegressionHead().targets(["7.5", None, 0, ""])
    assert targets.tolist() == [[7.5], [0.0], [0.0], [0.0]]
    assert weights.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("value", ["seven", float("inf"), "nan", [1]])
def test_values_that_are_no_numbers(value):
    with pytest.raises(ValueError, match=r"A regression's value is a finite number. Received"):
        mk.RegressionHead().encode(value)


def test_errors():
    with pytest.raises(ValueError, match=r"at least one record with a number"):
        mk.RegressionHead().adapt([None, ""])
    with pytest.raises(ValueError, match=r"knows mean and deviation before it is built. Received mean=1.0"):
        mk.RegressionHead(mean=1.0)(np.ones((1, 2)))
