"""What each fusion computes, worked out by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import multimodal_keras as mk
from multimodal_keras.base.steps import masked_softmax, pool

TOKENS = {
    "b": np.array([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]], [[5.0, 6.0], [9.0, 9.0], [9.0, 9.0]]], "float32"),
    "a": np.array([[[10.0, 20.0, 30.0]], [[1.0, 1.0, 1.0]]], "float32"),
}
MASKS = {"b": np.array([[True, True, False], [True, False, False]]), "a": None}
PRESENT = {"a": np.array([True, False]), "b": None}


def vector(name, how="mean"):
    steps = [TOKENS[name][row][MASKS[name][row]] if MASKS[name] is not None else TOKENS[name][row] for row in range(2)]
    return np.stack([{"mean": step.mean(0), "max": step.max(0), "last": step[-1]}[how] for step in steps])


def projected(fusion, name, how="mean"):
    layer = fusion._projections[name]
    return vector(name, how) @ layer.kernel.numpy() + layer.bias.numpy()


def softmax(scores, axis):
    powers = np.exp(scores - scores.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


@pytest.mark.oldest
@pytest.mark.parametrize("how", ["last", "mean", "max"])
def test_pooling(how):
    np.testing.assert_allclose(pool(TOKENS["b"], MASKS["b"], how), vector("b", how))
    everything = {"last": [9.0, 9.0], "mean": [13 / 3, 5.0], "max": [9.0, 9.0]}[how]
    np.testing.assert_allclose(pool(TOKENS["b"], None, how)[0], everything, rtol=1e-6)
    np.testing.assert_array_equal(pool(-TOKENS["b"], np.zeros((2, 3), bool), how), np.zeros((2, 2)))


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match=r"one of last, max, mean. Received 'first'"):
        mk.ConcatFusion(pooling="first")
    with pytest.raises(ValueError, match=r"Received 'first'"):
        mk.ConcatFusion(pooling={"a": "first"})


def test_masked_softmax():
    scores, mask = np.array([[0.0, np.log(3.0), 50.0], [1.0, 2.0, 3.0]]), np.array([[True, True, False], [False] * 3])
    np.testing.assert_allclose(masked_softmax(scores, mask), [[0.25, 0.75, 0.0], [0.0, 0.0, 0.0]], atol=1e-6)
    np.testing.assert_array_equal(masked_softmax(scores[:, :1], None), [[1.0], [1.0]])
    np.testing.assert_array_equal(masked_softmax(scores[:, :1], mask[:, :1]), [[1.0], [0.0]])


@pytest.mark.parametrize("how", ["last", "mean", "max"])
def test_concat_is_side_by_side_by_name(how):
    expected = np.concatenate([vector("a", how), vector("b", how)], axis=-1)
    np.testing.assert_allclose(mk.ConcatFusion(pooling=how)(TOKENS, MASKS), expected)


def test_pooling_by_modality_and_by_encoder():
    fusion = mk.ConcatFusion(pooling={"b": "max"})
    fusion.configure({"a": "mean", "b": "last"})
    np.testing.assert_allclose(fusion(TOKENS, MASKS)[:, 3:], vector("b", "max"))
    fusion = mk.ConcatFusion()
    fusion.configure({"a": "mean", "b": "last"})
    np.testing.assert_allclose(fusion(TOKENS, MASKS)[:, 3:], vector("b", "last"))
    assert mk.ConcatFusion.from_config(fusion.get_config()).pooling_of("b") == "last"


def test_mean_of_what_is_present():
    fusion = mk.MeanFusion(width=5)
    answer = fusion(TOKENS, MASKS, PRESENT).numpy()
    one, other = projected(fusion, "a"), projected(fusion, "b")
    np.testing.assert_allclose(answer, [(one[0] + other[0]) / 2, other[1]], rtol=1e-5, atol=1e-5)


def test_weighted_by_a_softmax_over_what_is_present():
    fusion = mk.WeightedFusion(width=5)
    fusion(TOKENS, MASKS, PRESENT)
    fusion._logits.assign([0.0, np.log(3.0)])
    one, other = projected(fusion, "a"), projected(fusion, "b")
    answer = fusion(TOKENS, MASKS, PRESENT).numpy()
    np.testing.assert_allclose(answer, [0.25 * one[0] + 0.75 * other[0], other[1]], rtol=1e-5, atol=1e-5)
    assert fusion.weights_by_name() == pytest.approx({"a": 0.25, "b": 0.75})


def test_gated_unit_by_unit():
    fusion = mk.GatedFusion(width=5)
    answer = fusion(TOKENS, MASKS, PRESENT).numpy()
    seen = np.concatenate([vector("a"), vector("b")], axis=-1)
    scores = (seen @ fusion._gate.kernel.numpy() + fusion._gate.bias.numpy()).reshape(2, 2, 5)
    gates = softmax(scores[0], 0)
    one, other = np.tanh(projected(fusion, "a")), np.tanh(projected(fusion, "b"))
    np.testing.assert_allclose(answer[0], gates[0] * one[0] + gates[1] * other[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answer[1], other[1], rtol=1e-4, atol=1e-5)


def test_cross_attention_asks_the_others():
    fusion = mk.CrossAttentionFusion(width=4, attention_heads=1)
    answer = fusion(TOKENS, MASKS, PRESENT).numpy()
    tokens = {name: fusion._projections[name](TOKENS[name]) for name in TOKENS}
    shown = {"a": np.array([[True], [False]]), "b": MASKS["b"]}
    asked = {name: pool(tokens[name], MASKS[name], "mean")[:, None] for name in tokens}
    a = fusion._blocks["a"][0](asked["a"], shown["b"], tokens["b"]).numpy()[:, 0]
    b = fusion._blocks["b"][0](asked["b"], shown["a"], tokens["a"]).numpy()[:, 0]
    np.testing.assert_allclose(answer, [(a[0] + b[0]) / 2, b[1]], rtol=1e-4, atol=1e-5)


def test_cross_attention_over_one_visible_step_takes_its_value():
    """With one step there is nothing to choose: the answer's attention part is that step's value."""
    fusion = mk.CrossAttentionFusion(width=4, attention_heads=2)
    fusion({"a": TOKENS["a"], "b": TOKENS["b"][:, :1]})
    block = fusion._blocks["b"][0]
    query, context = np.ones((1, 1, 4), "float32"), np.array([[[1.0, 2.0, 4.0, 8.0]]], "float32")
    normed = (context - context.mean()) / np.sqrt(context.var() + 1e-6)
    value = normed @ block._value.kernel.numpy() + block._value.bias.numpy()
    tokens = query + value @ block._answer.kernel.numpy() + block._answer.bias.numpy()
    inner = (tokens - tokens.mean()) / np.sqrt(tokens.var() + 1e-6)
    inner = np.maximum(inner @ block._inner.kernel.numpy() + block._inner.bias.numpy(), 0)
    expected = tokens + inner @ block._outer.kernel.numpy() + block._outer.bias.numpy()
    np.testing.assert_allclose(block(query, None, context), expected, atol=1e-5)


def test_transformer_fusion_ignores_what_is_masked_or_absent():
    fusion = mk.TransformerFusion(width=4, layers=2, attention_heads=2)
    answer = fusion(TOKENS, MASKS, PRESENT).numpy()
    changed = {name: tokens.copy() for name, tokens in TOKENS.items()}
    changed["b"][~MASKS["b"]], changed["a"][1] = -77.0, 55.0
    np.testing.assert_array_equal(fusion(changed, MASKS, PRESENT), answer)
    assert np.abs(fusion(changed, None, PRESENT).numpy() - answer).max() > 1e-4


@pytest.mark.parametrize("name", ["CrossAttentionFusion", "TransformerFusion"])
def test_width_and_heads(name):
    with pytest.raises(ValueError, match=r"multiple of attention_heads"):
        mk.get(name, mk.Fusion, width=6, attention_heads=4)(TOKENS)


def test_width_is_at_least_one():
    with pytest.raises(ValueError, match=r"width is at least 1, a whole number. Received 0"):
        mk.MeanFusion(width=0)


@pytest.mark.parametrize("name", ["MeanFusion", "ConcatFusion", "GatedFusion"])
def test_dropout_only_while_training(name):
    keras.utils.set_random_seed(0)
    fusion = mk.get(name, mk.Fusion, dropout=0.5)
    assert np.abs(fusion(TOKENS, training=True).numpy() - fusion(TOKENS).numpy()).max() > 0
    np.testing.assert_array_equal(fusion(TOKENS), fusion(TOKENS, training=False))
