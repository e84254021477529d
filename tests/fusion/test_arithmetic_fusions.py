"""Sums, products, gates and mixtures, computed again by numpy."""

from __future__ import annotations

import numpy as np
import pytest
from fusion_values import EVERYONE, MASKS, PRESENT, TOKENS, close, dense, gelu, pooled, projections, sigmoid, softmax

import multimodal_keras as mk


def answered(fusion, present=PRESENT):
    return fusion(TOKENS, MASKS, present).numpy()


def test_sum_max_and_product_of_what_is_present():
    for fusion, together, alone in (
        (mk.SumFusion(width=5), np.add, lambda b: b),
        (mk.MaxFusion(width=5), np.maximum, lambda b: b),
        (mk.ProductFusion(width=5), np.multiply, lambda b: b),
    ):
        answer, found = answered(fusion), projections(fusion)
        close(answer, [together(found["a"][0], found["b"][0]), alone(found["b"][1])])


def test_fixed_weights_are_those_that_were_given():
    fusion = mk.WeightedFusion(width=5, weights={"b": 3.0, "a": 1.0})
    answer, found = answered(fusion), projections(fusion)
    close(answer, [0.25 * found["a"][0] + 0.75 * found["b"][0], found["b"][1]])
    assert fusion.weights_by_name() == pytest.approx({"a": 0.25, "b": 0.75})
    assert not [weight for weight in fusion.trainable_variables if "logits" in weight.path]
    again = mk.WeightedFusion.from_config(fusion.get_config())
    again(TOKENS)
    assert again.weights_by_name() == fusion.weights_by_name()


def test_wrong_weights_are_refused():
    with pytest.raises(ValueError, match=r"weight is above 0. Received"):
        mk.WeightedFusion(weights={"a": 0.0})
    with pytest.raises(ValueError, match=r"each modality of the model: a, b. Received some for a, c"):
        mk.WeightedFusion(weights={"a": 1.0, "c": 1.0})(TOKENS)


def test_film_scales_and_shifts_by_the_other():
    fusion = mk.FiLMFusion(width=4)
    answer, found = answered(fusion), projections(fusion)

    def modulated(own, other):
        scale, shift = np.split(dense(fusion._condition, other), 2, axis=-1)
        return (1 + scale) * own + shift

    close(answer[0], (modulated(found["a"], found["b"]) + modulated(found["b"], found["a"]))[0] / 2)
    close(answer[1], modulated(found["b"], np.zeros((2, 4)))[1])


def test_a_hypernetwork_writes_the_matrix_of_the_other():
    fusion = mk.HypernetworkFusion(width=4, rank=2)
    answer, found = answered(fusion, EVERYONE), projections(fusion)

    def through(own, other):
        down, up = np.split(dense(fusion._writer, other).reshape(2, 4, 4), 2, axis=1)
        matrix = np.einsum("brj,brk->bjk", down, up) / 2
        return own + np.einsum("bj,bjk->bk", own, matrix)

    close(answer, (through(found["a"], found["b"]) + through(found["b"], found["a"])) / 2)


def test_squeeze_excitation_gates_each_channel():
    fusion = mk.SqueezeExcitationFusion(width=4, reduction=2)
    answer, found = answered(fusion), projections(fusion)
    seen = np.concatenate([found["a"] * [[1], [0]], found["b"]], axis=-1)
    gates = 2 * sigmoid(dense(fusion._excite, gelu(dense(fusion._squeeze, seen))))
    close(answer[0], (gates[0, :4] * found["a"][0] + gates[0, 4:] * found["b"][0]) / 2)
    close(answer[1], gates[1, 4:] * found["b"][1])


def test_channels_are_exchanged_by_a_learned_share():
    fusion = mk.ChannelExchangeFusion(width=2)
    answered(fusion)
    fusion._logits.assign([[2.0, -1e4], [1e4, 2.0]])  # shares of a: a half, none; of b: all, a half
    answer, found = answered(fusion), projections(fusion)
    a, b = found["a"][0], found["b"][0]
    exchanged_a, exchanged_b = [(a[0] + b[0]) / 2, a[1]], [a[0], (a[1] + b[1]) / 2]
    close(answer[0], np.mean([exchanged_a, exchanged_b], axis=0))
    close(answer[1], found["b"][1])


def test_a_mixture_weighs_its_experts():
    fusion = mk.MixtureOfExpertsFusion(width=3, experts=2, hidden_units=5)
    answer, found = answered(fusion, EVERYONE), projections(fusion)
    joined = np.concatenate([found["a"], found["b"]], axis=-1)
    weights = softmax(dense(fusion._gate, joined))
    experts = [dense(out, gelu(dense(hidden, joined))) for hidden, out in fusion._networks]
    close(answer, weights[:, :1] * experts[0] + weights[:, 1:] * experts[1])


def test_a_product_of_experts_is_the_mean_of_the_joint_gaussian():
    fusion = mk.ProductOfExpertsFusion(width=3)
    answer, found = answered(fusion), projections(fusion)
    means = {name: values[:, :3] for name, values in found.items()}
    precisions = {name: np.log1p(np.exp(values[:, 3:])) for name, values in found.items()}
    total = precisions["a"] * means["a"] + precisions["b"] * means["b"]
    close(answer[0], (total / (1 + precisions["a"] + precisions["b"]))[0])
    close(answer[1], (precisions["b"] * means["b"] / (1 + precisions["b"]))[1])


def test_decisions_are_averaged_over_those_who_decide():
    fusion = mk.DecisionAverageFusion(width=3, hidden_units=4)
    answer, found = answered(fusion), projections(fusion)
    decided = {name: softmax(dense(fusion._deciders[name], gelu(found[name]))) for name in found}
    close(answer, [(decided["a"][0] + decided["b"][0]) / 2, decided["b"][1]])
    close(answer.sum(-1), [1.0, 1.0])


def test_stacked_decisions_are_weighed():
    fusion = mk.DecisionStackingFusion(width=3, decisions=4)
    answer, found = answered(fusion, EVERYONE), projections(fusion)
    close(answer, dense(fusion._stack, np.concatenate([softmax(found["a"]), softmax(found["b"])], axis=-1)))


def test_filters_run_along_the_stacked_features():
    fusion = mk.ConvolutionFusion(width=5, filters=2, kernel_size=3)
    answer, found = answered(fusion, EVERYONE), projections(fusion)
    padded = np.pad(np.stack([found["a"], found["b"]], axis=-1), ((0, 0), (1, 1), (0, 0)))
    kernel, bias = fusion._filters.kernel.numpy(), fusion._filters.bias.numpy()
    filtered = np.stack(
        [np.einsum("bkm,kmf->bf", padded[:, place : place + 3], kernel) + bias for place in range(5)], axis=1
    )
    close(answer, (gelu(filtered) @ fusion._answer.kernel.numpy()[0] + fusion._answer.bias.numpy())[:, :, 0])


def test_a_recurrent_fusion_passes_over_what_is_absent():
    fusion = mk.RecurrentFusion(width=3)
    answer, found = answered(fusion), projections(fusion)
    kernel, recurrent, bias = (weight.numpy() for weight in fusion._cell.weights)

    def step(value, state, carry):
        gate_in, forget, candidate, gate_out = np.split(value @ kernel + state @ recurrent + bias, 4)
        carry = sigmoid(forget) * carry + sigmoid(gate_in) * np.tanh(candidate)
        return sigmoid(gate_out) * np.tanh(carry), carry

    nothing = (np.zeros(3), np.zeros(3))
    close(answer[0], step(found["b"][0], *step(found["a"][0], *nothing))[0])
    close(answer[1], step(found["b"][1], *nothing)[0])


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: mk.HypernetworkFusion(rank=0), "rank is at least 1"),
        (lambda: mk.SqueezeExcitationFusion(reduction=0), "reduction is at least 1"),
        (lambda: mk.MixtureOfExpertsFusion(experts=0), "experts is at least 1"),
        (lambda: mk.DecisionAverageFusion(hidden_units=0), "hidden_units is at least 1"),
        (lambda: mk.DecisionStackingFusion(decisions=1), "decisions is at least 2"),
        (lambda: mk.ConvolutionFusion(filters=0), "filters is at least 1"),
        (lambda: mk.GraphAttentionFusion(width=6), "multiple of attention_heads"),
        (lambda: mk.HigherOrderBilinearFusion(width=5), "multiple of order"),
        (lambda: mk.LowRankBilinearFusion(rank=0), "rank is at least 1"),
        (lambda: mk.MutanFusion(rank=0), "rank is at least 1, a whole number"),
        (lambda: mk.BlockFusion(blocks=0), "blocks is at least 1"),
        (lambda: mk.CompactBilinearFusion(sketch_width=1), "sketch_width is at least 2"),
    ],
)
def test_arguments_out_of_range_are_refused(build, said):
    with pytest.raises(ValueError, match=said):
        build()


def test_pooled_is_what_the_fusions_pool():
    close(mk.ConcatFusion()(TOKENS, MASKS), np.concatenate([pooled("a"), pooled("b")], axis=-1))
