"""Any number of labels."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import multimodal_keras as mk

LABELS = ["bird", "cat", "dog"]
CHANCES = np.array([[0.9, 0.2, 0.4], [0.3, 0.6, 0.5]], "float32")
TRUTH = np.array([[1, 0, 1], [0, 1, 0]], "float32")


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("cat|dog", [0, 1, 1]),
        (" cat | dog |", [0, 1, 1]),
        (["bird", "dog"], [1, 0, 1]),
        (np.array(["cat"]), [0, 1, 0]),
        ("none", [0, 0, 0]),
        (["none"], [0, 0, 0]),
        ("", None),
        ([], None),
        (None, None),
    ],
)
def test_values_to_targets(value, target):
    encoded = mk.MultiLabelHead(labels=LABELS).encode(value)
    assert encoded is None if target is None else encoded.tolist() == target


def test_another_separator_and_word_for_none():
    head = mk.MultiLabelHead(labels=LABELS, separator=";", none_label="-")
    assert head.encode("cat;bird").tolist() == [1, 1, 0]
    assert head.encode("-").tolist() == [0, 0, 0]
    assert mk.MultiLabelHead.from_config(head.get_config()).separator == ";"


def test_labels_of_records():
    head = mk.MultiLabelHead()
    head.adapt(["b|a", None, "none", ["c"]])
    assert head.labels == ("a", "b", "c")


@pytest.mark.oldest
def test_the_plain_loss_is_kerass():
    head = mk.MultiLabelHead(labels=LABELS)
    np.testing.assert_allclose(
        head.default_loss()(TRUTH, CHANCES), keras.losses.BinaryCrossentropy()(TRUTH, CHANCES), rtol=1e-5
    )


def test_class_weights_by_hand():
    loss = mk.MultiLabelHead(labels=LABELS, class_weight={"bird": 2.0}).default_loss()
    losses = -np.log(np.where(TRUTH == 1, CHANCES, 1 - CHANCES)) * [2, 1, 1]
    np.testing.assert_allclose(loss(TRUTH, CHANCES), losses.mean(), rtol=1e-5)
    np.testing.assert_allclose(
        loss(TRUTH, CHANCES, sample_weight=np.array([1.0, 0.0], "float32")), losses[0].mean(), rtol=1e-5
    )


def test_probabilities_are_independent():
    keras.utils.set_random_seed(1)
    head = mk.MultiLabelHead(labels=LABELS)
    chances = head(np.random.default_rng(0).normal(size=(4, 5)).astype("float32")).numpy()
    assert ((chances > 0) & (chances < 1)).all()
    assert np.abs(chances.sum(-1) - 1).max() > 0.01


def test_an_unknown_label_is_named():
    with pytest.raises(ValueError, match=r"Received 'cst'. Did you mean 'cat'\?"):
        mk.MultiLabelHead(labels=LABELS).encode("dog|cst")
