"""Absent modalities: zeroed before their encoder, dropped while training, excluded or embedded after."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from multimodal_keras.base.missing import AbsentZeros, Missing, ModalityDropout

PRESENT = np.array([True, False])


def everyone(count=3, rows=20_000):
    return {name: np.ones(rows, bool) for name in "abc"[:count]}


@pytest.mark.oldest
def test_dropout_has_its_rate_and_keeps_one():
    """Dropped: 0.3 each, but for the largest draw of the three, which stays even if all three are below the rate."""
    kept = ModalityDropout(0.3, seed=1)(everyone(), training=True)
    kept = np.stack([kept[name].numpy() for name in "abc"])
    assert kept.any(axis=0).all()
    theory = 0.3 - 0.3**3 / 3
    assert theory == pytest.approx(0.291)
    # Three standard errors of one of 20,000 records.
    np.testing.assert_allclose((~kept).mean(axis=1), theory, atol=3 * (0.291 * 0.709 / 20_000) ** 0.5)


def test_without_keep_one_all_may_go():
    kept = ModalityDropout(0.3, keep_one=False, seed=1)(everyone(), training=True)
    kept = np.stack([kept[name].numpy() for name in "abc"])
    assert (~kept).mean() == pytest.approx(0.3, abs=0.01)
    assert (~kept).all(axis=0).mean() == pytest.approx(0.027, abs=0.005)


def test_what_is_absent_stays_absent_and_a_lone_one_stays():
    present = {"a": np.array([True, False, False] * 100), "b": np.array([False, False, True] * 100)}
    kept = ModalityDropout(0.9, seed=1)(present, training=True)
    for name in present:
        np.testing.assert_array_equal(kept[name], present[name])


def test_dropout_is_off_at_inference():
    present = everyone(2, 50)
    for kept in (ModalityDropout(0.9)(present), ModalityDropout(0.9)(present, training=False)):
        assert all(kept[name].numpy().all() if hasattr(kept[name], "numpy") else kept[name].all() for name in present)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates_out_of_range(rate):
    with pytest.raises(ValueError, match=r"in \[0, 1\)"):
        ModalityDropout(rate)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_absent_content_is_zeroed(dtype):
    tensor = keras.ops.convert_to_tensor(np.arange(1, 13).reshape(2, 3, 2), dtype=dtype)
    zeroed = AbsentZeros()(tensor, PRESENT).numpy()
    assert zeroed.dtype == dtype
    np.testing.assert_array_equal(zeroed[0], tensor[0])
    assert not zeroed[1].any()


def test_nan_is_zeroed_too():
    tensor = np.array([[1.0], [np.nan]], "float32")
    assert AbsentZeros()(tensor, PRESENT).numpy().tolist() == [[1.0], [0.0]]


def test_exclude_gives_zeros_and_an_empty_mask():
    tokens = np.ones((2, 3, 4), "float32")
    shown, mask = Missing("exclude")(tokens, PRESENT, np.array([[True, True, False]] * 2))
    np.testing.assert_array_equal(shown, np.stack([tokens[0], 0 * tokens[0]]))
    assert mask.numpy().tolist() == [[True, True, False], [False] * 3]
    assert Missing("exclude")(tokens, PRESENT)[1].numpy().tolist() == [[True] * 3, [False] * 3]


def test_embed_gives_one_learned_token():
    tokens, layer = np.ones((2, 3, 4), "float32"), Missing("embed")
    shown, mask = layer(tokens, PRESENT)
    np.testing.assert_array_equal(shown[0], tokens[0])
    np.testing.assert_array_equal(shown[1], [layer._token.numpy(), np.zeros(4), np.zeros(4)])
    assert mask.numpy().tolist() == [[True] * 3, [True, False, False]]
    assert len(layer.trainable_variables) == 1


def test_another_form_is_refused():
    with pytest.raises(ValueError, match=r"'exclude' or 'embed'. Received 'impute'"):
        Missing("impute")
