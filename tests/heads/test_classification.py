"""One label out of many: labels, loss, metrics."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk

CHANCES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3], [0.25, 0.25, 0.5]], "float32")
TRUTH = np.array([0, 1, 1, 2], "int32")
LABELS = ["bird", "cat", "dog"]


def head(**arguments):
    return mk.ClassificationHead(labels=LABELS, **arguments)


@pytest.mark.oldest
def test_the_plain_loss_is_kerass():
    expected = keras.losses.SparseCategoricalCrossentropy()(TRUTH, CHANCES)
    np.testing.assert_allclose(head().default_loss()(TRUTH, CHANCES), expected, rtol=1e-6)
    by_hand = -np.mean(np.log([0.7, 0.3, 0.5, 0.5]))
    np.testing.assert_allclose(expected, by_hand, rtol=1e-5)


def test_label_smoothing_is_kerass():
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)(np.eye(3)[TRUTH], CHANCES)
    np.testing.assert_allclose(head(label_smoothing=0.2).default_loss()(TRUTH, CHANCES), expected, rtol=1e-5)


def test_focal_loss_by_hand():
    chance = np.array([0.7, 0.3, 0.5, 0.5])
    expected = np.mean(-((1 - chance) ** 2) * np.log(chance))
    np.testing.assert_allclose(head(focal_gamma=2).default_loss()(TRUTH, CHANCES), expected, rtol=1e-5)


def test_class_weights_by_hand():
    loss = head(class_weight={"cat": 3.0}).default_loss()
    expected = np.mean(np.array([1, 3, 3, 1]) * -np.log([0.7, 0.3, 0.5, 0.5]))
    np.testing.assert_allclose(loss(TRUTH, CHANCES), expected, rtol=1e-5)


def test_balanced_weights_are_inverse_to_how_often_a_label_occurs():
    balanced = mk.ClassificationHead(class_weight="balanced")
    assert not balanced.is_adapted
    balanced.adapt(["cat", "dog", "cat", "cat", None])
    assert balanced.labels == ("cat", "dog")
    assert balanced.weights_of_labels() == pytest.approx([4 / (2 * 3), 4 / (2 * 1)])
    assert mk.ClassificationHead.from_config(balanced.get_config()).weights_of_labels() == balanced.weights_of_labels()


@pytest.mark.oldest
@pytest.mark.parametrize("arguments", [{}, {"focal_gamma": 1.0}, {"class_weight": {"dog": 5.0}}])
def test_unlabelled_rows_count_for_nothing(arguments):
    """Neither above nor below the line: loss and gradient are those of the labelled rows alone."""
    loss = head(**arguments).default_loss()
    targets, weights = head().targets(["bird", "cat", None, ""])
    assert weights.tolist() == [1, 1, 0, 0]
    predicted = tf.constant(CHANCES)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(predicted)
        every = loss(targets, predicted, sample_weight=weights)
        labelled = loss(targets[:2], predicted[:2])
    np.testing.assert_allclose(every, labelled, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(every, predicted), tape.gradient(labelled, predicted), rtol=1e-6)
    assert not tape.gradient(every, predicted).numpy()[2:].any()


def test_no_label_at_all_is_a_loss_of_zero():
    assert float(head().default_loss()(TRUTH, CHANCES, sample_weight=np.zeros(4, "float32"))) == 0.0


@pytest.mark.parametrize(("value", "index"), [("cat", 1), (b"dog", 2), (None, None), ("", None), (float("nan"), None)])
def test_values_to_targets(value, index):
    target = head().encode(value)
    assert target is None if index is None else target == index


def test_numbers_as_labels():
    numbers = mk.ClassificationHead(labels=[1, 2, 10])
    assert [int(numbers.encode(value)) for value in (1, 2.0, "10", np.float64(1))] == [0, 1, 2, 0]


def test_labels_of_records_are_sorted():
    adapted = mk.ClassificationHead()
    adapted.adapt(["b", None, "a", "b"])
    assert adapted.labels == ("a", "b")


def test_errors():
    with pytest.raises(ValueError, match=r"Received 'dgo'. Did you mean 'dog'\?"):
        head().encode("dgo")
    with pytest.raises(ValueError, match=r"Received 'xyz'. Known: bird, cat, dog"):
        head().encode("xyz")
    with pytest.raises(ValueError, match=r"at least 2 different labels. Received \['cat'\]"):
        mk.ClassificationHead().adapt(["cat", "cat", None])
    with pytest.raises(ValueError, match=r"at least 2 different labels"):
        mk.ClassificationHead(labels=["a", "a"])
    with pytest.raises(ValueError, match=r"knows its labels before it is built"):
        mk.ClassificationHead()(np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"None, 'balanced' or a dict. Received 'even'"):
        mk.ClassificationHead(class_weight="even")
    with pytest.raises(ValueError, match=r"Received 'cow'"):
        head(class_weight={"cow": 2.0}).default_loss()
    with pytest.raises(ValueError, match=r"A loss weight is above 0. Received 0"):
        head(loss_weight=0)
    with pytest.raises(ValueError, match=r"has no labels yet"):
        mk.ClassificationHead().encode("cat")


def test_probabilities():
    keras.utils.set_random_seed(0)
    layer = head(hidden_units=4, dropout=0.5)
    fused = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    chances = layer(fused).numpy()
    np.testing.assert_allclose(chances.sum(-1), 1.0, rtol=1e-6)
    assert np.abs(layer(fused, training=True).numpy() - chances).max() > 0
    assert layer.contract() == {"kind": "classification", "labels": LABELS, "range": [0.0, 1.0]}
