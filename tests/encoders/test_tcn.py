"""The TCN encoder sees what came before, as far as it says."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import multimodal_keras as mk


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(2)
    return mk.TCNEncoder(filters=6, kernel_size=2, layers=2)


def test_a_token_depends_on_its_receptive_field_alone(encoder):
    frames = np.random.default_rng(0).normal(size=(1, 16, 3)).astype("float32")
    tokens = encoder(frames).numpy()
    assert encoder.receptive_field == 7
    for step in range(16):
        changed = frames.copy()
        changed[0, step] += 1
        moved = np.abs(encoder(changed).numpy() - tokens)[0].max(axis=1) > 1e-6
        last = min(step + encoder.receptive_field, 16)
        assert not moved[:step].any()
        assert not moved[last:].any()
        assert moved[step:last].any()


def test_what_stands_in_padding_changes_nothing_before_it(encoder):
    frames = np.random.default_rng(0).normal(size=(2, 16, 3)).astype("float32")
    mask = np.arange(16)[None] < np.array([[5], [9]])
    tokens, handed_on = encoder(frames, mask)
    frames[~mask] = 7.0
    again, _ = encoder(frames, mask)
    np.testing.assert_array_equal(tokens.numpy()[mask], again.numpy()[mask])
    np.testing.assert_array_equal(handed_on, mask)


def test_it_takes_token_ids():
    assert mk.TCNEncoder(filters=4, vocabulary_size=9)(np.array([[1, 2, 8]])).shape == (1, 3, 4)
    with pytest.raises(ValueError, match="at least 1"):
        mk.TCNEncoder(layers=0)
