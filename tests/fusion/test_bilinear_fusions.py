"""Products of modalities, computed again by numpy from the definition of each paper."""

from __future__ import annotations

import numpy as np
import pytest
from fusion_values import EVERYONE, MASKS, TOKENS, close, dense, outer, power_normalised, projections

import multimodal_keras as mk


def answered(fusion):
    answer = fusion(TOKENS, MASKS, EVERYONE).numpy()
    return answer, *projections(fusion).values()


def test_low_rank_bilinear():
    fusion = mk.LowRankBilinearFusion(width=3, rank=5)
    answer, a, b = answered(fusion)
    close(answer, dense(fusion._answer, np.tanh(a) * np.tanh(b)))


def test_factorized_bilinear_sums_its_factors():
    answer, a, b = answered(mk.FactorizedBilinearFusion(width=3, factors=2))
    product = a * b
    close(answer, power_normalised(np.stack([product[:, 0:2], product[:, 2:4], product[:, 4:6]], axis=1).sum(-1)))


def test_higher_orders_multiply_what_was_before():
    answer, a, b = answered(mk.HigherOrderBilinearFusion(width=4, order=2, factors=3))
    first, second = np.split(a * b, 2, axis=-1)
    stages = [first, first * second]
    close(answer, np.concatenate([power_normalised(stage.reshape(2, 2, 3).sum(-1)) for stage in stages], axis=-1))


def test_mutan_sums_its_ranks():
    fusion = mk.MutanFusion(width=3, rank=2, factor_width=4)
    answer, a, b = answered(fusion)
    product = dense(fusion._cores["a"], np.tanh(a)) * dense(fusion._cores["b"], np.tanh(b))
    close(answer, product[:, :3] + product[:, 3:])


def test_tucker_contracts_a_core():
    fusion = mk.TuckerFusion(width=3, factor_width=4)
    answer, a, b = answered(fusion)
    core = fusion._core.kernel.numpy().reshape(4, 4, 3)
    close(answer, np.einsum("bi,bj,ijk->bk", np.tanh(a), np.tanh(b), core) + fusion._core.bias.numpy())


def test_block_contracts_each_block_by_its_own_core():
    fusion = mk.BlockFusion(width=3, blocks=2, block_width=2)
    answer, a, b = answered(fusion)
    cores = fusion._cores.kernel.numpy().reshape(2, 2, 2, 3)
    blocks = [np.tanh(values).reshape(2, 2, 2) for values in (a, b)]
    close(answer, np.einsum("bni,bnj,nijk->bk", *blocks, cores) + fusion._cores.bias.numpy())


def test_tensor_fusion_adds_a_one_to_each():
    fusion = mk.TensorFusion(width=3, factor_width=2)
    answer, a, b = answered(fusion)
    one = np.ones((2, 1))
    close(answer, dense(fusion._answer, outer(np.concatenate([a, one], 1), np.concatenate([b, one], 1))))


def test_low_rank_tensor_fusion_is_a_tensor_fusion_of_that_rank():
    fusion = mk.LowRankTensorFusion(width=3, rank=2)
    answer, a, b = answered(fusion)
    shares = fusion._shares.numpy()
    close(answer, shares[0] * a[:, :3] * b[:, :3] + shares[1] * a[:, 3:] * b[:, 3:] + fusion._bias.numpy())


def test_compact_bilinear_is_the_sketch_of_the_outer_product():
    """The circular convolution of two count sketches is the count sketch of the outer product."""
    fusion = mk.CompactBilinearFusion(width=3, sketch_width=7, seed=4)
    answer, a, b = answered(fusion)
    random, sketch = np.random.default_rng(4), np.zeros((2, 7))
    drawn = [(random.integers(0, 7, 3), random.choice([-1.0, 1.0], 3)) for _ in "ab"]
    for i in range(3):
        for j in range(3):
            place = (drawn[0][0][i] + drawn[1][0][j]) % 7
            sketch[:, place] += drawn[0][1][i] * drawn[1][1][j] * a[:, i] * b[:, j]
    close(answer, dense(fusion._answer, power_normalised(sketch)))


def test_multiplicative_interactions_are_linear_and_bilinear():
    fusion = mk.MultiplicativeInteractionFusion(width=3, factor_width=2)
    answer, a, b = answered(fusion)
    close(answer, dense(fusion._answer, np.concatenate([a, b, outer(a, b)], axis=-1)))


@pytest.mark.parametrize("name", ["TuckerFusion", "TensorFusion"])
def test_products_that_grow_too_large_are_refused_by_name(name):
    many = {f"field_{number}": np.ones((1, 1, 2), "float32") for number in range(7)}
    with pytest.raises(ValueError, match=r"at most 1000000 entries. Received 7 modalities .* Lower factor_width"):
        mk.get(name, mk.Fusion)(many)
