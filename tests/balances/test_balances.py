"""What balances answer, against hand calculations and independent references."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

import multimodal_keras as mk

TASKS = ("a", "b", "c")
GRADIENTS = np.array([[1.0, 0.0, 0.5], [-1.0, 1.0, 0.2], [0.3, -0.8, 1.0]])


def prepared(name, tasks=2, **config):
    balance = mk.get(name, mk.Balance, **config)
    balance.prepare(TASKS[:tasks])
    return balance


def weigh(balance, losses, gradients=None, active=None):
    gram = None if gradients is None else tf.constant(np.asarray(gradients) @ np.asarray(gradients).T, "float32")
    active = [True] * len(losses) if active is None else active
    return np.asarray(balance.weigh(tf.constant(losses, "float32"), tf.constant(active), gram))


def test_the_known_ones():
    names = mk.known(mk.Balance)
    assert len(names) >= 9
    for name in names:
        balance = mk.get(name, mk.Balance)
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(balance))
        assert again.get_config() == balance.get_config()


def test_fixed():
    assert weigh(prepared("FixedBalance", weights={"b": 0.25}), [3.0, 4.0]).tolist() == [1.0, 0.25]
    with pytest.raises(ValueError, match=r"Weights are for the model's tasks: a, b. Received d. Rename it"):
        prepared("FixedBalance", weights={"d": 1.0})
    with pytest.raises(ValueError, match=r"A task's weight is above 0. Received {'a': 0.0}"):
        mk.FixedBalance({"a": 0})


def test_uncertainty_is_exp_minus_s_times_loss_plus_s():
    balance = prepared("UncertaintyBalance")
    balance.log_variances.assign([0.5, -1.0])
    losses = np.array([2.0, 3.0], "float32")
    with tf.GradientTape() as tape:
        weights = balance.weigh(losses, tf.constant([True, True]))
        total = tf.reduce_sum(weights * losses) + balance.penalty(tf.constant([True, True]))
    assert float(total) == pytest.approx(np.exp(-0.5) * 2 + 0.5 + np.exp(1.0) * 3 - 1.0, rel=1e-5)
    slopes = tape.gradient(total, balance.log_variances.value)
    np.testing.assert_allclose(slopes, [1 - np.exp(-0.5) * 2, 1 - np.exp(1.0) * 3], rtol=1e-5)


def test_random_weights_sum_to_the_tasks_and_are_1_on_average():
    balance = prepared("RandomBalance", 3, seed=1)
    drawn = np.array([weigh(balance, [1.0, 2.0, 3.0]) for _ in range(150)])
    np.testing.assert_allclose(drawn.sum(axis=1), 3, rtol=1e-5)
    np.testing.assert_allclose(drawn.mean(axis=0), 1, atol=0.15)
    assert drawn.std() > 0.3


def test_dynamic_average_follows_the_losses_of_two_epochs():
    balance = prepared("DynamicAverageBalance", temperature=2.0)
    for losses in ([4.0, 2.0], [2.0, 2.0]):  # the first fell by half, the second not at all
        for step in (-0.5, 0.5):
            assert weigh(balance, np.add(losses, step)).tolist() == [1.0, 1.0]
        balance.end_epoch()
    raised = np.exp(np.array([0.5, 1.0]) / 2)
    np.testing.assert_allclose(weigh(balance, [2.0, 2.0]), 2 * raised / raised.sum(), rtol=1e-5)


def test_dynamic_average_without_a_label_for_an_epoch():
    balance = prepared("DynamicAverageBalance", temperature=1.0)
    for active in ([True, True], [True, False], [True, True]):
        weigh(balance, [2.0, 3.0 if active[1] else 0.0], active=active)
        balance.end_epoch()
    np.testing.assert_allclose(weigh(balance, [2.0, 3.0]), [1, 1], rtol=1e-5)


def test_famo_by_hand():
    balance = prepared("FAMOBalance", decay=0.0)
    balance.logits.assign([np.log(3.0), 0.0])  # z = 3/4, 1/4
    rates = np.array([0.75 / 2, 0.25 / 4])
    np.testing.assert_allclose(weigh(balance, [2.0, 4.0]), 2 * rates / rates.sum(), rtol=1e-5)
    fallen = np.array([np.log(2.0), 0.0])  # the first loss is halved
    expected = [0.75 * (fallen[0] - 0.75 * fallen[0]), 0.25 * (0 - 0.75 * fallen[0])]
    active = tf.constant([True, True])
    np.testing.assert_allclose(balance.slope([2.0, 4.0], [1.0, 4.0], active), expected, rtol=1e-5)
    balance.after_step([2.0, 4.0], [1.0, 4.0], active)  # Adam's first step is its rate, against the slope's sign
    np.testing.assert_allclose(balance.logits, [np.log(3.0) - 0.025, 0.025], atol=1e-5)


def test_famo_makes_all_logarithms_fall_alike():
    """On two quadratics of very different scale, their logarithms fall at one rate."""
    balance, point = prepared("FAMOBalance"), tf.Variable([2.0, 2.0])
    scales, active = tf.constant([1.0, 100.0]), tf.constant([True, True])
    first = last = scales * point**2
    for _ in range(30):
        with tf.GradientTape() as tape:
            losses = scales * point**2
            total = tf.reduce_sum(balance.weigh(losses, active) * losses)
        point.assign_sub(0.02 * tape.gradient(total, point))
        last = scales * point**2
        balance.after_step(losses, last, active)
    fallen = np.log(first / last)
    assert fallen[0] == pytest.approx(fallen[1], rel=0.05)


def test_gradnorm_targets_by_hand():
    balance = prepared("GradNormBalance", alpha=1.0)
    active = tf.constant([True, True])
    weigh(balance, [4.0, 1.0], [[3.0, 0.0], [0.0, 1.0]])  # remembers the first losses
    balance.task_weights.assign([1.0, 1.0])
    # Losses at 1/2 and 1 of the first: rates 2/3 and 4/3 of their mean; the mean norm is (3 + 1) / 2.
    np.testing.assert_allclose(balance.targets([2.0, 1.0], [3.0, 1.0], active), [4 / 3, 8 / 3], rtol=1e-5)
    before = weigh(balance, [2.0, 1.0], [[3.0, 0.0], [0.0, 1.0]])
    after = np.asarray(balance.task_weights)
    assert before.tolist() == [1.0, 1.0]
    assert after[0] < 1 < after[1]
    assert after.sum() == pytest.approx(2)


def test_gradnorm_comes_to_equal_norms_without_alpha():
    balance = prepared("GradNormBalance", alpha=0.0)
    for _ in range(40):
        weights = weigh(balance, [1.0, 1.0], [[3.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(weights * [3.0, 1.0], 1.5, atol=0.15)


def test_pcgrad_projects_conflicting_gradients():
    gradients = np.array([[1.0, 0.0], [-1.0, 1.0]])
    # (1, 0) without its part along (-1, 1) is (0.5, 0.5); (-1, 1) without its part along (1, 0) is (0, 1).
    np.testing.assert_allclose(weigh(prepared("PCGradBalance"), [1, 1], gradients) @ gradients, [0.5, 1.5], atol=1e-6)
    agreeing = np.array([[1.0, 0.0], [1.0, 1.0]])
    assert weigh(prepared("PCGradBalance"), [1, 1], agreeing).tolist() == [1.0, 1.0]


def surgery(gradients, orders):
    """Algorithm 1 of the paper."""
    total = np.zeros(gradients.shape[1])
    for task, order in enumerate(orders):
        mine = gradients[task].copy()
        for other in order:
            if other != task and mine @ gradients[other] < 0:
                mine -= mine @ gradients[other] / (gradients[other] @ gradients[other]) * gradients[other]
        total += mine
    return total


def test_pcgrad_of_three_tasks_is_the_papers_in_some_order():
    every = list(itertools.permutations(range(3)))
    known = [surgery(GRADIENTS, orders) for orders in itertools.product(every, repeat=3)]
    balance = prepared("PCGradBalance", 3, seed=2)
    found = np.array([weigh(balance, [1, 1, 1], GRADIENTS) @ GRADIENTS for _ in range(20)])
    for each in found:
        assert min(np.abs(each - one).max() for one in known) < 1e-5
    assert len({tuple(each) for each in found.round(4)}) > 1  # the orders are drawn anew


@pytest.mark.parametrize("radius", [0.2, 0.8])
def test_cagrad_is_the_optimum_of_its_problem(radius):
    balance = prepared("CAGradBalance", 3, radius=radius)
    gradients = GRADIENTS * [[3.0], [1.0], [1.0]]
    mean = gradients.mean(axis=0)

    def dual(shares):
        mixed = shares @ gradients
        return mixed @ mean + radius * np.linalg.norm(mean) * np.linalg.norm(mixed)

    sums = {"type": "eq", "fun": lambda shares: shares.sum() - 1}
    best = (
        scipy.optimize.minimize(dual, np.ones(3) / 3, bounds=[(0, 1)] * 3, constraints=[sums], tol=1e-10).x @ gradients
    )
    expected = mean + radius * np.linalg.norm(mean) * best / np.linalg.norm(best)
    found = weigh(balance, [1, 1, 1], gradients) @ gradients * (1 + radius**2) / 3
    np.testing.assert_allclose(found, expected, atol=0.03 * np.linalg.norm(expected))
    assert np.linalg.norm(found - mean) <= radius * np.linalg.norm(mean) * 1.001


def test_nash_solves_its_equation_and_knows_no_scales():
    balance = prepared("NashBalance", 3)
    weights = weigh(balance, [1, 1, 1], GRADIENTS)
    gram = GRADIENTS @ GRADIENTS.T
    assert (weights > 0).all()
    np.testing.assert_allclose(gram @ weights, np.trace(gram) / 3 / weights, rtol=2e-3)
    scaled = GRADIENTS * [[10.0], [1.0], [0.1]]
    step, other = (weigh(balance, [1, 1, 1], each) @ each for each in (GRADIENTS, scaled))
    np.testing.assert_allclose(step / np.linalg.norm(step), other / np.linalg.norm(other), atol=1e-3)
    opposed = weigh(balance, [1, 1, 1], [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    assert np.isfinite(opposed).all()


NAMES = mk.known(mk.Balance)


@pytest.mark.parametrize("name", NAMES)
def test_a_task_without_labels_is_left_out(name):
    config = {"seed": 3} if name in ("PCGradBalance", "RandomBalance") else {}
    three = prepared(name, 3, **config)
    gradients = np.insert(GRADIENTS[:2], 1, 0.0, axis=0)
    found = weigh(three, [1.0, 0.0, 2.0], gradients, [True, False, True])
    assert found[1] == 0
    assert np.isfinite(found).all()
    if name != "RandomBalance":  # draws another number of numbers
        two = weigh(prepared(name, 2, **config), [1.0, 2.0], GRADIENTS[:2])
        np.testing.assert_allclose(found[[0, 2]], two, rtol=1e-4)
    three.after_step(tf.constant([1.0, 0.0, 2.0]), tf.constant([0.5, 0.0, 1.5]), tf.constant([True, False, True]))
    nothing = weigh(three, [0.0, 0.0, 0.0], np.zeros((3, 3)), [False] * 3)
    assert nothing.tolist() == [0.0, 0.0, 0.0]
    three.end_epoch()
    assert all(np.isfinite(np.asarray(variable)).all() for variable in three.state)


@pytest.mark.parametrize("name", NAMES)
def test_one_task_is_no_balance(name):
    with pytest.raises(
        ValueError, match=rf"{name} weighs tasks against each other. Received one: a. Leave balance out"
    ):
        prepared(name, 1)


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("DynamicAverageBalance", {"temperature": 0}, "temperature is above 0. Received 0"),
        ("FAMOBalance", {"learning_rate": -1}, "learning_rate is above 0. Received -1"),
        ("FAMOBalance", {"decay": -1}, "decay is not below 0. Received -1"),
        ("GradNormBalance", {"alpha": float("nan")}, "alpha is not below 0. Received nan"),
        ("CAGradBalance", {"radius": 1.0}, r"The radius of CAGradBalance is in \[0, 1\). Received 1.0"),
    ],
)
def test_numbers_out_of_range(name, config, message):
    with pytest.raises(ValueError, match=message):
        mk.get(name, mk.Balance, **config)
