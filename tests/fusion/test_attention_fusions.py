"""Fusions that attend: what they take from where, and what they must not see."""

from __future__ import annotations

import numpy as np
import pytest
from fusion_values import EVERYONE, MASKS, PRESENT, TOKENS, close, dense, projections, sigmoid, softmax

import multimodal_keras as mk

SMALL = {
    "BottleneckFusion": {"bottlenecks": 2, "layers": 2},
    "CoAttentionFusion": {},
    "GraphAttentionFusion": {"attention_heads": 2},
    "LateTransformerFusion": {"layers": 1},
    "NonLocalGateFusion": {},
    "PairwiseTransformerFusion": {},
    "PerceiverFusion": {"latents": 3, "layers": 2},
}


@pytest.mark.parametrize("name", SMALL)
def test_what_is_masked_or_absent_is_not_seen(name):
    fusion = mk.get(name, mk.Fusion, width=4, **SMALL[name])
    answer = fusion(TOKENS, MASKS, PRESENT).numpy()
    changed = {field: tokens.copy() for field, tokens in TOKENS.items()}
    changed["b"][~MASKS["b"]], changed["a"][1] = -7.0, 5.0
    np.testing.assert_array_equal(fusion(changed, MASKS, PRESENT), answer)
    assert np.abs(fusion(changed, None, PRESENT).numpy() - answer).max() > 1e-4
    assert np.abs(fusion(changed, MASKS, EVERYONE).numpy()[1] - answer[1]).max() > 1e-4


def test_a_graph_attends_to_the_nodes_that_are_there():
    fusion = mk.GraphAttentionFusion(width=4, attention_heads=2)
    answer, found = fusion(TOKENS, MASKS, PRESENT).numpy(), projections(fusion)
    to, from_ = fusion._to.numpy(), fusion._from.numpy()

    def node(own, nodes):
        heads = []
        for head in range(2):
            part = slice(2 * head, 2 * head + 2)
            scores = np.array([own[part] @ to[head] + other[part] @ from_[head] for other in nodes])
            weights = softmax(np.where(scores > 0, scores, 0.2 * scores))
            heads.append(sum(weight * other[part] for weight, other in zip(weights, nodes, strict=True)))
        taken = np.concatenate(heads)
        return np.where(taken > 0, taken, np.expm1(taken))

    both = [found["a"][0], found["b"][0]]
    close(answer[0], (node(both[0], both) + node(both[1], both)) / 2)
    close(answer[1], node(found["b"][1], [found["b"][1]]))


def test_the_non_local_gate_opens_for_what_the_mean_finds():
    fusion = mk.NonLocalGateFusion(width=4)
    answer = fusion(TOKENS, MASKS, PRESENT).numpy()
    tokens = dense(fusion._projections["b"], TOKENS["b"][1, :1])  # the one step that the second record shows
    close(answer[1], (tokens * 2 * sigmoid(dense(fusion._gate, dense(fusion._value, tokens))))[0])


def test_co_attention_chooses_among_own_tokens():
    fusion = mk.CoAttentionFusion(width=3)
    answer = fusion(TOKENS, MASKS, EVERYONE).numpy()
    a, b = dense(fusion._projections["a"], TOKENS["a"][0]), dense(fusion._projections["b"], TOKENS["b"][0, :2])
    own, other, affinity, score = (
        layer.kernel.numpy() for layer in (fusion._own, fusion._other, fusion._affinity, fusion._score)
    )
    steered = np.tanh(b @ own + np.tanh(b @ (a @ affinity).T / np.sqrt(3)) @ (a @ other))
    chosen = softmax((steered @ score)[:, 0]) @ b
    # The picture of one token has nothing to choose.
    close(answer[0], (a[0] + chosen) / 2)


def test_each_pair_has_its_own_blocks():
    fusion = mk.PairwiseTransformerFusion(width=4, layers=1, attention_heads=2)
    answer = fusion(TOKENS, MASKS, EVERYONE).numpy()
    assert sorted(fusion._blocks) == ["a_from_b", "b_from_a"]
    tokens = {name: fusion._projections[name](TOKENS[name]) for name in TOKENS}
    a = fusion._blocks["a_from_b"][0](tokens["a"], MASKS["b"], tokens["b"]).numpy()[:, 0]
    b = fusion._blocks["b_from_a"][0](tokens["b"], np.ones((2, 1), bool), tokens["a"]).numpy()
    close(answer, [(a[0] + b[0, :2].mean(0)) / 2, (a[1] + b[1, 0]) / 2])


def test_latents_read_and_bottlenecks_are_shared():
    perceiver = mk.PerceiverFusion(width=4, latents=3, layers=1, attention_heads=2)
    perceiver(TOKENS, MASKS, PRESENT)
    assert perceiver._latents.shape == (1, 3, 4)
    bottleneck = mk.BottleneckFusion(width=4, bottlenecks=2, layers=1, attention_heads=2)
    answer = bottleneck(TOKENS, MASKS, PRESENT).numpy()
    shared = np.broadcast_to(bottleneck._shared.numpy(), (2, 2, 4))
    tokens = bottleneck._projections["b"](TOKENS["b"]).numpy()
    seen = np.concatenate([np.ones((2, 2), bool), MASKS["b"]], axis=1)
    alone = bottleneck._blocks["b"][0](np.concatenate([shared, tokens], axis=1), seen).numpy()[:, :2]
    close(answer[1], bottleneck._norm(alone).numpy().mean(1)[1])
