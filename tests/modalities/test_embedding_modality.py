"""Vectors that were computed elsewhere, alike with and without TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk
from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.runtime.raw import is_absent

KIND = KINDS["embedding"]
NAN = float("nan")


@pytest.mark.oldest
def test_both_decoders_give_the_same():
    modality = mk.EmbeddingModality(3)
    batch = np.array([[1, -2, 3], [NAN] * 3, [0, 0, 0]], "float32")
    tensor, present = modality.decode(tf.constant(batch))
    np.testing.assert_array_equal(tensor, KIND.decoder(modality.contract())(list(batch)))
    assert present.numpy().tolist() == [True, False, True]


@pytest.mark.parametrize("number", [np.inf, -np.inf, NAN])
def test_what_is_not_finite_is_refused_everywhere(number):
    modality = mk.EmbeddingModality(2)
    for refuse in (
        lambda: modality.read([1.0, number]),
        lambda: KIND.parse([1.0, number], modality.contract()),
        lambda: KIND.decoder(modality.contract())([np.array([1.0, number])]),
    ):
        with pytest.raises(ValueError, match="finite float32"):
            refuse()
    with pytest.raises(tf.errors.InvalidArgumentError, match="finite numbers"):
        tf.function(modality.decode)(tf.constant([[1.0, number]]))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1.0], r"shape \(2,\). Received \(1,\)"),
        ([[1.0, 2.0]], r"Received \(1, 2\)"),
        (["a", "b"], "holds numbers"),
        (b"ab", "holds numbers"),
        ([1e300, 0], "inf as number 1"),
        ("a.csv", "file is .npy"),
        ("a.npy", "cannot be read"),
    ],
)
def test_what_a_record_may_not_hold(value, message):
    with pytest.raises(ValueError, match=message):
        mk.EmbeddingModality(2).read(value)


def test_what_it_may_hold(tmp_path):
    modality = mk.EmbeddingModality(2)
    np.save(tmp_path / "a.npy", np.array([1, 2]))
    for value in ([1, 2], np.array([1.0, 2.0]), "a.npy"):
        assert modality.read(value, tmp_path).tolist() == [1, 2]
    for value in (None, [], "", NAN, [NAN, None]):
        assert modality.read(value) is None
    assert is_absent(KIND.parse([None, None], modality.contract()))
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(ValueError, match="can be read from 'b"):
        modality.read("b.npy", tmp_path)


def test_normalisation():
    vectors = np.array([[3, 4], [0, 0], [1e30, 0]], "float32")
    np.testing.assert_allclose(
        mk.EmbeddingModality(2, normalization="l2")(vectors), [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6
    )
    np.testing.assert_array_equal(mk.EmbeddingModality(2)(vectors), vectors)
    standard = mk.EmbeddingModality(normalization="standard")
    assert not standard.is_adapted
    standard.adapt([[1.0, 7.0], None, [3.0, 7.0]])
    assert (standard.width, standard.mean, standard.deviation) == (2, [2.0, 7.0], [1.0, 1.0])
    np.testing.assert_array_equal(standard(np.array([[4.0, 8.0]], "float32")), [[2, 1]])
    with pytest.raises(ValueError, match="at least one record"):
        mk.EmbeddingModality().adapt([None])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "at least 1"),
        ({"normalization": "max"}, "normalization is one of"),
        ({"width": 2, "mean": [1.0]}, "mean has width=2"),
        ({"width": 1, "deviation": [0.0]}, "above 0"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        mk.EmbeddingModality(**options)


def test_an_encoder_of_vectors_takes_no_sequence():
    with pytest.raises(ValueError, match=r"vector \(batch, features\)"):
        mk.DenseEncoder(4)(np.zeros((1, 2, 3)))
    with pytest.raises(ValueError, match="does not know its width"):
        mk.EmbeddingModality().tensor_spec()
