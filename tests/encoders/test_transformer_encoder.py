"""The Transformer encoder sees the steps that count, and where they are."""

from __future__ import annotations

import numpy as np
import pytest

import multimodal_keras as mk
from multimodal_keras.base.blocks import AttentionBlock

RANDOM = np.random.default_rng(0)
FRAMES = RANDOM.normal(size=(2, 5, 8)).astype("float32")
MASK = np.array([[True, True, True, False, False], [True] * 5])


def softmax(scores):
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def normed(tokens):
    return (tokens - tokens.mean(-1, keepdims=True)) / np.sqrt(tokens.var(-1, keepdims=True) + 1e-6)


def dense(layer, values):
    return values @ layer.kernel.numpy() + layer.bias.numpy()


def test_a_block_is_attention_and_a_perceptron():
    block = AttentionBlock(8, attention_heads=1)
    answer = block(FRAMES).numpy()
    source = normed(FRAMES)
    query, key, value = (dense(layer, source) for layer in (block._query, block._key, block._value))
    weights = softmax(query @ key.transpose(0, 2, 1) / np.sqrt(8))
    tokens = FRAMES + dense(block._answer, weights @ value)
    expected = tokens + dense(block._outer, np.maximum(dense(block._inner, normed(tokens)), 0))
    np.testing.assert_allclose(answer, expected, atol=1e-5)


@pytest.mark.oldest
def test_masked_steps_change_nothing():
    encoder = mk.TransformerEncoder(width=8, layers=2, attention_heads=2)
    tokens, mask = encoder(FRAMES, MASK)
    np.testing.assert_array_equal(mask, MASK)
    changed = np.where(MASK[..., None], FRAMES, 100.0).astype("float32")
    np.testing.assert_array_equal(encoder(changed, MASK)[0].numpy()[MASK], tokens.numpy()[MASK])
    assert np.abs(encoder(changed)[0].numpy() - tokens.numpy()[0]).max() > 1e-3


def test_a_fully_masked_row_is_finite_and_attends_to_nothing():
    block = AttentionBlock(8, attention_heads=2, cross=True)
    queries, nothing = FRAMES[:, :1], np.zeros((2, 5), bool)
    one, other = block(queries, nothing, FRAMES), block(queries, nothing, 10 + 3 * FRAMES)
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, other)


def test_positions_tell_steps_apart():
    encoder = mk.TransformerEncoder(width=8, layers=1, attention_heads=2, vocabulary_size=9)
    tokens = encoder(np.array([[3, 3]])).numpy()[0]
    assert np.abs(tokens[0] - tokens[1]).max() > 1e-4


def test_width_is_a_multiple_of_the_heads():
    with pytest.raises(ValueError, match=r"multiple of attention_heads. Received width=10, attention_heads=4"):
        mk.TransformerEncoder(width=10)
