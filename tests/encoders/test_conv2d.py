"""Shapes and values of the convolutional encoder."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import multimodal_keras as mk


@pytest.mark.parametrize(
    ("size", "filters", "cells"),
    [((32, 32), (4, 6), 8 * 8), ((33, 17), (4, 6), 9 * 5), ((7, 5), (4,), 4 * 3), ((5, 9), (2, 2, 4), 1 * 2)],
)
@pytest.mark.parametrize("separable", [False, True])
def test_each_stage_halves_and_rounds_up(size, filters, cells, separable):
    encoder = mk.Conv2DEncoder(filters=filters, separable=separable)
    pixels = np.random.default_rng(0).uniform(size=(2, *size, 3)).astype("float32")
    assert encoder(pixels).shape == (2, cells, filters[-1])
    assert encoder.compute_output_shape((None, *size, 3)) == (None, cells, filters[-1])


def test_a_picture_may_be_too_small():
    assert mk.Conv2DEncoder(filters=(2, 2, 2))(np.zeros((1, 4, 4, 3), "float32")).shape == (1, 1, 2)
    with pytest.raises(
        ValueError, match=r"3 stages need a picture .* at least 4 pixels a side. Received .*\(3, 8, 3\)"
    ):
        mk.Conv2DEncoder(filters=(2, 2, 2))(np.zeros((1, 3, 8, 3), "float32"))
    with pytest.raises(ValueError, match=r"at least one stage"):
        mk.Conv2DEncoder(filters=())


def test_one_stage_is_a_convolution_over_centred_pixels():
    encoder = mk.Conv2DEncoder(filters=(4,))
    pixels = np.random.default_rng(0).uniform(size=(2, 6, 6, 3)).astype("float32")
    answer = encoder(pixels).numpy()
    convolution = keras.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)
    convolution.build((None, 6, 6, 3))
    convolution.set_weights(encoder.get_weights()[:1])
    grid = convolution(2 * pixels - 1).numpy()
    # One group: normalised over all pixels and channels of one record.
    mean, variance = grid.mean((1, 2, 3), keepdims=True), grid.var((1, 2, 3), keepdims=True)
    expected = np.maximum((grid - mean) / np.sqrt(variance + 1e-3), 0)
    np.testing.assert_allclose(answer, expected.reshape(2, 9, 4), atol=1e-4)


def test_dropout_leaves_the_first_stage_alone():
    pixels = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype("float32")
    one, two = mk.Conv2DEncoder(filters=(4,), dropout=0.9), mk.Conv2DEncoder(filters=(4, 4), dropout=0.9)
    np.testing.assert_array_equal(one(pixels, training=True), one(pixels, training=False))
    assert np.abs(two(pixels, training=True).numpy() - two(pixels, training=False).numpy()).max() > 0


def test_a_spectrum_has_a_token_for_each_row_and_what_fills_up_is_zeros():
    keras.utils.set_random_seed(4)
    encoder = mk.Conv2DEncoder((4, 6))
    frames = np.random.default_rng(0).normal(size=(2, 11, 8)).astype("float32")
    mask = np.arange(11)[None] < np.array([[11], [5]])
    tokens, rows = encoder(frames, mask)
    assert tokens.shape == (2, 3, 2 * 6)
    assert rows.numpy().tolist() == [[True, True, True], [True, True, False]]
    louder = np.where(mask[..., None], frames, 99.0).astype("float32")
    np.testing.assert_array_equal(encoder(louder, mask)[0], tokens)
    np.testing.assert_allclose(encoder(frames)[0], tokens[0], atol=1e-6)
    # Where in a row something stands is told: the same tone higher gives another mean.
    low, high = (np.zeros((1, 11, 8), "float32") for _ in range(2))
    low[..., 2], high[..., 5] = 1, 1
    means = [encoder(tone).numpy().mean(axis=1) for tone in (low, high)]
    assert abs(means[0] - means[1]).max() > 0.1
