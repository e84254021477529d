"""Single steps with every balance and every scheme: what is kept for a checkpoint is all that there is."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from two_texts import inputs, labels, network

import multimodal_keras as mk
from multimodal_keras.spec import TrainingOptions
from multimodal_keras.training import compile_model
from multimodal_keras.training.around import balance_of, schemes_of, trainer_of

ALL = ["UnimodalScheme", "ContrastiveScheme", "GradientModulationScheme", "CorruptionScheme", "DistillationScheme"]
PAIRS = [(name, []) for name in mk.known(mk.Balance)] + [
    ("GradNormBalance", ALL),
    ("UncertaintyBalance", [{"class_name": "GradientBlendScheme", "config": {"every": 1}}]),
]
LOGS = dict.fromkeys(("loss", "unimodal_one_loss", "unimodal_two_loss"), 1.0)
# Between two epochs both losses of every head fell, and the gaps grew.
EPOCHS = [
    {**LOGS, **{f"val_{name}": 2.0 for name in LOGS}},
    {**dict.fromkeys(LOGS, 0.5), **{f"val_{name}": 1.7 for name in LOGS}},
]


def trainer(balance=None, schemes=(), model=None, **options):
    """A model with what trains it."""
    model = model or network()
    chosen = TrainingOptions(learning_rate=0.1, warmup_steps=0, balance=balance, schemes=tuple(schemes), **options)
    compile_model(model, chosen, 10)
    return trainer_of(model, balance_of(chosen), schemes_of(chosen), chosen, 10)


def batch(model, unlabelled=(), lacking=(("two", 1),)):
    return (inputs(lacking), *labels(model, unlabelled))


def state(found):
    return [*found.network.variables, *found.network.optimizer.variables, *found.state]


def numbers(variables):
    return [np.array(variable) for variable in variables]


def test_the_pairs_are_all():
    named = {each if isinstance(each, str) else each["class_name"] for _, schemes in PAIRS for each in schemes}
    assert named == set(mk.known(mk.Scheme))


@pytest.mark.parametrize(
    ("balance", "schemes"), PAIRS, ids=lambda part: part if isinstance(part, str) else str(len(part or []))
)
def test_going_on_from_the_state_is_going_on(balance, schemes):
    one = trainer(balance, schemes)
    data = batch(one.network)
    first = numbers(state(one))
    one.train_step(data)
    for epoch in range(2):
        one.begin_epoch(epoch)
        one.end_epoch(epoch, EPOCHS[epoch])
    kept = numbers(state(one))
    assert any(not np.array_equal(before, after) for before, after in zip(first, kept, strict=True))
    other = trainer(balance, schemes)
    for variable, value in zip(state(other), kept, strict=True):
        variable.assign(value)
    one.begin_epoch(2)
    one.train_step(data)
    other.begin_epoch(2)
    found = other.train_step(data)
    assert all(np.isfinite(value) for value in found.values())
    for mine, theirs in zip(state(one), state(other), strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-3, atol=1e-5, err_msg=mine.path)


def test_the_page_names_every_one_and_its_example_runs(monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    for name in [*mk.known(mk.Balance), *mk.known(mk.Scheme)]:
        assert f"`{name}(" in page, name
    example = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[-1]
    monkeypatch.setattr(mk, "register", lambda cls: cls)
    names = {"mk": mk, "keras": keras}
    exec(compile(example, "docs/training.md", "exec"), names)
    found = trainer(names["WorstTaskBalance"]())
    logs = found.train_step(batch(found.network))
    assert sorted(float(logs[f"{task}_weight"]) for task in found.tasks) == [0, 0, 1]


def test_fixed_weights_of_1_are_no_balance():
    model, plain = network(), network()
    compile_model(plain, TrainingOptions(learning_rate=0.1, warmup_steps=0, l2=0.01), 10)
    found = trainer("FixedBalance", model=model, l2=0.01)
    assert trainer() is None
    for _ in range(2):
        plain.train_step(batch(plain))
        logs = found.train_step(batch(model))
    expected = plain.get_metrics_result()
    assert {name: float(value) for name, value in logs.items() if not name.endswith("_weight")} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-5
    )
    for one, other in zip(model.weights, plain.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6, err_msg=one.path)


@pytest.mark.parametrize("balance", ["GradNormBalance", "UncertaintyBalance"])
def test_a_batch_without_a_label_for_a_task(balance):
    found = trainer(balance, ["UnimodalScheme", "GradientModulationScheme"])
    heads = mk.parts(found.network).heads
    before = {task: numbers(head.trainable_variables) for task, head in heads.items()}
    logs = found.train_step(batch(found.network, unlabelled=["topic"]))
    assert all(np.isfinite(value) for value in logs.values())
    assert float(logs["topic_weight"]) == 0
    for task, head in heads.items():
        same = [
            np.allclose(one, other, rtol=1e-4)
            for one, other in zip(before[task], head.trainable_variables, strict=True)
        ]
        assert all(same) == (task == "topic")  # the decay of weights alone
    found.train_step(
        batch(found.network, unlabelled=["topic", "tags", "score"], lacking=[("two", row) for row in range(4)])
    )
    assert all(np.isfinite(values).all() for values in numbers(state(found)))


@pytest.mark.parametrize("balance", ["PCGradBalance", None])
def test_mixed_precision_scales_losses_and_survives_an_overflow(balance):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = trainer(balance, ["UnimodalScheme", "ContrastiveScheme", "GradientModulationScheme"])
    finally:
        keras.config.set_dtype_policy("float32")
    optimizer = found.network.optimizer
    optimizer.dynamic_scale.assign(2.0**10)  # 2^15 is too much for some first steps
    learned = found.trainable_variables
    before = numbers(learned)
    found.train_step(batch(found.network))
    moved = [not np.array_equal(one, other) for one, other in zip(before, learned, strict=True)]
    assert all(moved)
    optimizer.dynamic_scale.assign(1e38)
    found.train_step(batch(found.network))
    assert float(optimizer.dynamic_scale) < 1e38
    for variable in learned:
        assert np.isfinite(np.asarray(variable)).all(), variable.path
    assert all(np.isfinite(values).all() for values in numbers(found.state))


def test_the_gradients_of_the_tasks_are_combined_as_the_balance_says(monkeypatch):
    """With weights by hand, the step is that of the weighted sum for what is shared, and of each task's own for its head."""
    heads = {task: mk.RegressionHead(mean=0.0, deviation=1.0) for task in ("score", "other")}
    shared, alone = network(heads=heads), network(heads=heads)
    given = inputs()
    targets = {"score": tf.ones((4, 1)), "other": -tf.ones((4, 1))}
    weights = {task: tf.ones(4) for task in heads}
    found = trainer("PCGradBalance", model=shared)
    monkeypatch.setattr(found.balance, "weigh", lambda losses, active, gram: tf.constant([3.0, 0.5]))
    compiled = keras.optimizers.SGD(0.1)
    found.compile(optimizer=compiled)
    found.train_step((given, targets, weights))
    with tf.GradientTape(persistent=True) as tape:
        answers = alone(given, training=True)
        losses = {task: tf.reduce_mean((answers[task] - targets[task]) ** 2) for task in heads}
    of = {task: mk.parts(alone).heads[task].trainable_variables for task in heads}
    for mine, variable in zip(shared.trainable_variables, alone.trainable_variables, strict=True):
        factors = {"other": 3.0, "score": 0.5}  # tasks are sorted
        if any(variable is each for each in [*of["score"], *of["other"]]):
            factors = {"other": 1.0, "score": 1.0}
        slope = sum(
            factor * tf.convert_to_tensor(gradient)
            for task, factor in factors.items()
            if (gradient := tape.gradient(losses[task], variable.value)) is not None
        )
        np.testing.assert_allclose(mine, variable - 0.1 * slope, rtol=1e-4, atol=1e-6, err_msg=variable.path)
