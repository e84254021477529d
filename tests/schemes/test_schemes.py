"""What schemes add to the loss, to inputs and to gradients, against hand calculations and independent references."""

from __future__ import annotations

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from two_texts import HEADS, inputs, labels, network

import multimodal_keras as mk
from multimodal_keras.schemes.contrastive import info_nce
from multimodal_keras.schemes.gradient_blend import blend
from multimodal_keras.schemes.seen import Looker
from multimodal_keras.training.gradients import dense, gram_matrix, weighted_sum


@pytest.fixture(scope="module")
def model():
    return network()


def look_at(model, lacking=(), training=True):
    return Looker(model)(inputs(lacking), *labels(model), training=training, epoch=tf.constant(0))


def prepared(scheme, model):
    scheme.prepare(Looker(model))
    return scheme


def test_the_known_ones():
    for name in mk.known(mk.Scheme):
        scheme = mk.get(name, mk.Scheme)
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(scheme))
        assert again.get_config() == scheme.get_config()


def test_what_is_seen_is_what_the_model_answers(model):
    seen = look_at(model, lacking=[("two", 1)], training=False)
    answers = model(inputs([("two", 1)]), training=False)
    for task, answer in answers.items():
        np.testing.assert_array_equal(answer, seen.outputs[task])
    assert seen.shown("two").numpy().tolist() == [1, 0, 1, 1]
    table = model.get_layer("one_encoder").weights[0].numpy()
    np.testing.assert_allclose(seen.pooled("one")[0], (table[2] + table[3]) / 2, rtol=1e-5)
    assert seen.pooled("two")[1].numpy().tolist() == [0.0] * 4


def test_unimodal_heads_learn_from_the_records_that_have_the_modality(model):
    scheme = prepared(mk.UnimodalScheme(weight=0.3), model)
    seen = look_at(model, lacking=[("two", 0), ("two", 3)], training=False)
    terms = scheme.terms(seen)
    assert set(terms) == {"unimodal_one", "unimodal_two"}
    assert float(terms["unimodal_two"].records) == 2
    copies = scheme.heads._copies["two"]
    chances = copies["topic"](seen.pooled("two")).numpy()
    tags = copies["tags"](seen.pooled("two")).numpy()
    score = copies["score"](seen.pooled("two")).numpy()
    # Records 1 and 2 have "two"; of these 1 has no score and 2 no tags.
    topic_loss = -(np.log(chances[1, 2]) + np.log(chances[2, 1])) / 2
    tags_loss = -np.log(tags[1]).mean()
    expected = topic_loss + tags_loss + ((score[2, 0] - 0.0) / 2) ** 2
    assert float(terms["unimodal_two"].loss) == pytest.approx(expected, rel=1e-5)
    total = float(scheme.total(terms, 0))
    assert total == pytest.approx(0.3 * sum(float(term.loss) for term in terms.values()), rel=1e-6)
    nobody = scheme.terms(look_at(model, lacking=[("two", row) for row in range(4)], training=False))
    assert float(nobody["unimodal_two"].loss) == 0


def test_modulation_by_hand():
    scheme = mk.GradientModulationScheme(alpha=0.4)
    np.testing.assert_allclose(scheme.coefficients([0.9, 0.3]), [1 - np.tanh(0.4 * 3), 1.0], rtol=1e-6)
    # Of three: each against the mean of the other two.
    np.testing.assert_allclose(scheme.coefficients([0.6, 0.3, 0.1]), [1 - np.tanh(0.4 * 3), 1.0, 1.0], rtol=1e-6)
    assert scheme.coefficients([0.5, 0.5]).numpy().tolist() == [1.0, 1.0]


def test_modulation_changes_the_gradients_of_the_better_encoder_only(model):
    scheme = prepared(mk.GradientModulationScheme(alpha=0.5, noise=0.0), model)
    better = scheme.heads._copies["one"]["topic"]
    better.weights[1].assign([50.0, 0.0, 0.0])  # always answers "a"
    seen = look_at(model)
    seen = dataclasses.replace(seen, targets={**seen.targets, "topic": tf.zeros(4, "int32")})
    scores = [float(scheme.heads.score(seen, field)) for field in ("one", "two")]
    assert scores[0] > scores[1]
    variables = model.trainable_variables
    before = [tf.ones(variable.shape) for variable in variables]
    changed = scheme.modulate(seen, before, variables)
    factor = 1 - np.tanh(0.5 * scores[0] / scores[1])
    mine = model.get_layer("one_encoder").trainable_variables
    for variable, gradient in zip(variables, changed, strict=True):
        expected = factor if any(variable is each for each in mine) else 1.0
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, err_msg=variable.path)
    late = prepared(mk.GradientModulationScheme(epochs=(2, 3)), model)
    for gradient in late.modulate(seen, before, variables):
        assert np.all(np.asarray(gradient) == 1)
    noisy = prepared(mk.GradientModulationScheme(alpha=0.0, noise=0.5, seed=1), model)
    random = [tf.random.stateless_normal((500, 4), (1, 2)), tf.random.stateless_normal((3,), (1, 2))]
    encoder = model.get_layer("one_encoder").trainable_variables[0]
    noisy._place[id(encoder)] = 0
    large = keras.Variable(np.zeros((500, 4)))
    noisy._place[id(large)] = 0
    added = noisy.modulate(seen, random[:1], [large])[0] - random[0]
    assert float(tf.math.reduce_std(added)) == pytest.approx(0.5, rel=0.1)


def test_blend_by_hand():
    train, valid = [[1.0, 1.0, 1.0], [0.4, 0.5, 0.9]], [[1.2, 1.0, 1.0], [1.0, 0.9, 1.1]]
    # G: 0.2, 0.1, none. O: (0.6 - 0.2), (0.4 - 0).
    raw = np.array([0.2 / 0.4**2, 0.1 / 0.4**2, 0.0])
    np.testing.assert_allclose(blend(train, valid), raw / raw.sum())
    assert blend(train, [[1.0] * 3, [2.0] * 3]) is None


def test_blend_estimates_after_each_super_epoch(model):
    scheme = prepared(mk.GradientBlendScheme(every=2), model)
    names = ["unimodal_one_loss", "unimodal_two_loss", "loss"]
    assert scheme.blended.numpy().tolist() == pytest.approx([1 / 3] * 3)
    train, valid = [[1.0, 1.0, 1.0], [0.4, 0.5, 0.9]], [[1.2, 1.0, 1.0], [1.0, 0.9, 0.95]]
    for epoch, row in ((0, 0), (1, 0), (2, 1)):
        logs = dict(zip(names, train[row], strict=True))
        scheme.end_epoch(epoch, logs | {f"val_{name}": value for name, value in zip(names, valid[row], strict=True)})
        expected = [1 / 3] * 3 if epoch < 2 else blend(train, valid)
        np.testing.assert_allclose(scheme.blended, expected, rtol=1e-4)
    assert float(scheme.share_of_tasks(0)) == pytest.approx(scheme.blended.numpy()[-1])


def numpy_info_nce(one, other, scale):
    logits = scale * one @ other.T
    rows = np.log(np.exp(logits).sum(axis=1)) - np.diag(logits)
    columns = np.log(np.exp(logits).sum(axis=0)) - np.diag(logits)
    return (rows.mean() + columns.mean()) / 2


def test_info_nce_against_numpy_without_the_absent_ones():
    random = np.random.default_rng(0)
    one, other = (random.normal(size=(6, 5)).astype("float32") for _ in range(2))
    one, other = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (one, other))
    both = np.array([True, True, False, True, False, True])
    expected = numpy_info_nce(one[both], other[both], 3.0)
    assert float(info_nce(one, other, tf.constant(both), 3.0)) == pytest.approx(expected, rel=1e-5)
    assert float(info_nce(one, other, tf.constant([False] * 6), 3.0)) == 0


def test_contrastive_learns_without_labels_and_before_the_tasks(model):
    scheme = prepared(mk.ContrastiveScheme(weight=0.5, epochs_before=2, width=3), model)
    seen = look_at(model, lacking=[("one", 2), ("two", 3)])
    with tf.GradientTape() as tape:
        seen = look_at(model, lacking=[("one", 2), ("two", 3)], training=False)
        terms = scheme.terms(seen)
    views = []
    for field in ("one", "two"):
        projected = seen.pooled(field).numpy()[:2] @ scheme._projections[field].kernel.numpy()
        views.append(projected / np.linalg.norm(projected, axis=1, keepdims=True))
    assert float(terms["contrastive"].loss) == pytest.approx(numpy_info_nce(*views, 1 / 0.07), rel=1e-3)
    assert float(terms["contrastive"].records) == 2
    gradients = tape.gradient(terms["contrastive"].loss, [v.value for v in scheme.trainable_variables])
    assert len(gradients) == 3  # two projections and the temperature
    assert all(float(tf.reduce_max(tf.abs(gradient))) > 0 for gradient in gradients)
    loss = float(terms["contrastive"].loss)
    for epoch, weight, share in ((0, 1.0, 0.0), (1, 1.0, 0.0), (2, 0.5, 1.0)):
        assert float(scheme.total(terms, tf.constant(epoch))) == pytest.approx(weight * loss)
        assert float(scheme.share_of_tasks(tf.constant(epoch))) == share


@pytest.mark.parametrize("kind", ["topic", "tags", "score"])
def test_a_student_that_answers_as_its_teacher_has_nothing_to_learn(kind):
    head = HEADS[kind]
    teacher = {"topic": [[0.5, 0.3, 0.2]], "tags": [[0.5, 0.1]], "score": [[3.0]]}[kind]
    answer = tf.Variable(teacher)
    with tf.GradientTape() as tape:
        distance = head.distance(tf.constant(teacher), answer, 2.0)
    assert float(distance[0]) == pytest.approx(0, abs=1e-6)
    slope = tape.gradient(distance, answer).numpy()
    if kind == "topic":  # probabilities sum to 1: what raises all of them in proportion is no direction
        slope -= slope.mean()
    np.testing.assert_allclose(slope, 0, atol=1e-5)


def test_distances_by_hand():
    topic = HEADS["topic"].distance(np.array([[0.7, 0.2, 0.1]], "float32"), np.array([[0.2, 0.2, 0.6]], "float32"), 1.0)
    assert float(topic[0]) == pytest.approx(0.7 * np.log(0.7 / 0.2) + 0.1 * np.log(0.1 / 0.6), rel=1e-4)
    # At temperature 2, the roots of the probabilities, normalised; times 4.
    soft, mine = (np.sqrt(np.array(each)) for each in ([0.7, 0.2, 0.1], [0.2, 0.2, 0.6]))
    soft, mine = soft / soft.sum(), mine / mine.sum()
    topic = HEADS["topic"].distance(np.array([[0.7, 0.2, 0.1]], "float32"), np.array([[0.2, 0.2, 0.6]], "float32"), 2.0)
    assert float(topic[0]) == pytest.approx(4 * (soft * np.log(soft / mine)).sum(), rel=1e-4)
    tags = HEADS["tags"].distance(np.array([[0.5, 1.0]], "float32"), np.array([[0.25, 1.0]], "float32"), 1.0)
    expected = (0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)) / 2
    assert float(tags[0]) == pytest.approx(expected, rel=1e-3)
    score = HEADS["score"].distance(np.array([[3.0]], "float32"), np.array([[7.0]], "float32"), 2.0)
    assert float(score[0]) == 4  # two deviations


def test_distillation_from_the_model_itself_to_some_fields(model):
    scheme = prepared(mk.DistillationScheme(fields=["one"], temperature=1.0), model)
    seen = look_at(model, training=False)
    loss = float(scheme.terms(seen)["distillation"].loss)
    teacher = model(inputs(), training=False)
    student = model(inputs([("two", row) for row in range(4)]), training=False)
    expected = sum(float(tf.reduce_mean(HEADS[task].distance(teacher[task], student[task], 1.0))) for task in HEADS)
    assert loss == pytest.approx(expected, rel=1e-4)
    assert loss > 0


def test_distillation_from_another_model_with_more_fields(model, tmp_path):
    student = network(optional=False, fields=["one"])
    model.save(tmp_path / "model.keras")
    scheme = prepared(mk.DistillationScheme(teacher=tmp_path, temperature=1.0), student)
    assert set(scheme.more_modalities()) == {"one", "two"}
    assert scheme.facts()["teacher"] == mk.DistillationScheme(teacher=model).facts()["teacher"]
    assert not scheme.variables
    given = {name: value for name, value in inputs().items() if name != "one_present"}
    seen = Looker(student)(given, *labels(student))
    taught = model(inputs(), training=False)
    expected = sum(float(tf.reduce_mean(HEADS[t].distance(taught[t], seen.outputs[t], 1.0))) for t in HEADS)
    assert float(scheme.terms(seen)["distillation"].loss) == pytest.approx(expected, rel=1e-4)


def test_corruption_keeps_one_modality_of_each_record(model):
    scheme = prepared(mk.CorruptionScheme(rate=0.9, seed=1), model)
    lacking = [("one", 0)]
    for _ in range(20):
        spoilt = np.asarray(scheme.spoilt(inputs(lacking)))
        assert not spoilt.all(axis=1).any()
        assert not spoilt[0].any()  # the absent one is not spoilt, and then the other one has to stay
    many = {name: tf.tile(value, [500] + [1] * (len(value.shape) - 1)) for name, value in inputs().items()}
    rates = np.asarray(prepared(mk.CorruptionScheme(rate=0.3, seed=1), model).spoilt(many)).mean(axis=0)
    np.testing.assert_allclose(rates, 0.3 - 0.3**2 / 2, atol=0.03)  # where both would be, one stays


@pytest.mark.parametrize("how", ["noise", "swap"])
def test_corrupted_ids_are_ids_of_the_vocabulary(model, how):
    scheme = prepared(mk.CorruptionScheme(rate=0.5, how=how, fields=["one"], seed=2), model)
    changed = {name: np.asarray(value) for name, value in scheme.change(inputs()).items()}
    before = {name: np.asarray(value) for name, value in inputs().items()}
    np.testing.assert_array_equal(changed["two"], before["two"])
    rows = {tuple(row) for row in before["one"]}
    for row, old in zip(changed["one"], before["one"], strict=True):
        if how == "swap":
            assert tuple(row) in rows
        else:
            assert ((row > 0) == (old > 0)).all()
            assert row.max() < 5


def test_corrupted_pixels_cells_and_series():
    scheme = mk.CorruptionScheme(seed=3)
    pixels = np.asarray(scheme._noise(tf.zeros((2, 30, 30, 3), "uint8"), None))
    assert pixels.dtype == "uint8"
    assert pixels.mean() == pytest.approx(127.5, abs=5)
    cells = np.array([[1.0, 10.0], [2.0, np.nan], [3.0, 30.0]], "float32")
    drawn = np.asarray(scheme._noise(tf.constant(np.tile(cells, (20, 1))), None))
    assert set(drawn[:, 0]) == {1.0, 2.0, 3.0}
    assert set(drawn[~np.isnan(drawn[:, 1]), 1]) == {10.0, 30.0}
    series = np.random.default_rng(0).normal(5.0, 2.0, (400, 3, 2)).astype("float32")
    series[0, 0, 0] = np.nan
    drawn = np.asarray(scheme._noise(tf.constant(series), None))
    assert np.isnan(drawn).sum() == 1
    assert np.nanmean(drawn) == pytest.approx(5, abs=0.3)
    assert np.nanstd(drawn) == pytest.approx(2, abs=0.3)


def test_examples_of_noise_are_drawn_for_their_field_only(model):
    examples = np.arange(300 * 3, dtype="int32").reshape(300, 3)
    scheme = mk.CorruptionScheme(rate=0.5, how="noise", noise={"one": examples}, seed=4)
    scheme = prepared(type(scheme).from_config(scheme.get_config()), model)  # as `fit` makes its own
    before, seen = np.asarray(inputs()["one"]), set()
    for _ in range(20):
        changed = np.asarray(scheme.change(inputs())["one"])
        seen |= {tuple(row) for row, old in zip(changed, before, strict=True) if (row != old).any()}
    assert len(seen) > 10
    assert seen <= {tuple(row) for row in examples}
    traced = tf.function(scheme.change).get_concrete_function(inputs())
    held = max(tf.make_ndarray(op.get_attr("value")).size for op in traced.graph.get_operations() if op.type == "Const")
    assert held < len(examples)


def test_other_examples_are_another_training():
    ones = mk.CorruptionScheme(noise={"one": np.ones((1, 3), "int32")})
    twos = mk.CorruptionScheme(noise={"one": np.full((1, 3), 2, "int32")})
    assert json.loads(json.dumps(ones.facts())) == ones.facts() != twos.facts()


@pytest.mark.parametrize(
    ("scheme", "arguments", "message"),
    [
        (
            lambda: mk.ContrastiveScheme(fields=["one", "three"]),
            {},
            r"ContrastiveScheme is for the model's fields: one, two",
        ),
        (
            lambda: mk.ContrastiveScheme(fields=["one"]),
            {},
            r"ContrastiveScheme needs at least 2 modalities. Received one",
        ),
        (lambda: mk.ContrastiveScheme(temperature=0), {}, r"A temperature is above 0. Received 0"),
        (lambda: mk.UnimodalScheme(weight=-1), {}, r"The weight of UnimodalScheme is not below 0. Received -1"),
        (lambda: mk.GradientBlendScheme(every=0), {}, r"every is at least 1"),
        (lambda: mk.GradientModulationScheme(alpha=-1), {}, r"alpha and noise are not below 0. Received -1"),
        (lambda: mk.CorruptionScheme(rate=1), {}, r"The rate of CorruptionScheme is in \(0, 1\). Received 1"),
        (lambda: mk.CorruptionScheme(how="blur"), {}, r"how is one of both, noise, swap. Received 'blur'"),
        (
            lambda: mk.CorruptionScheme(how="swap", noise={"one": [[1, 2, 3]]}),
            {},
            r"With how='swap' no noise is drawn",
        ),
        (
            lambda: mk.CorruptionScheme(noise={"three": [[1, 2, 3]]}),
            {},
            r"for the fields that are spoilt: one, two. Received three",
        ),
        (
            lambda: mk.CorruptionScheme(noise={"one": [[0.5, 0.5]]}),
            {},
            r"Noise of 'one' is \(examples, 3\) of int32. Received \(1, 2\) of float64",
        ),
        (lambda: mk.DistillationScheme(temperature=0), {}, r"A temperature is above 0. Received 0"),
        (
            lambda: mk.DistillationScheme(teacher="nowhere"),
            {},
            r"A teacher is a model, a run folder, or a .keras file. Rec",
        ),
        (
            lambda: mk.DistillationScheme(fields=["one", "two"]),
            {},
            r"Received fields=\['one', 'two'\], but these are all",
        ),
        (lambda: mk.DistillationScheme(fields=["one"]), {"optional": False}, r"but two is required"),
        (lambda: mk.DistillationScheme(), {"modality_dropout": 0.0}, r"A student sees less than its teacher"),
    ],
)
def test_what_makes_no_sense_is_refused(model, scheme, arguments, message):
    with pytest.raises(ValueError, match=message):
        prepared(scheme(), network(**arguments) if arguments else model)


def test_a_teacher_of_other_labels_or_other_tokens_is_refused(model):
    other = network(heads={**HEADS, "topic": mk.ClassificationHead(labels=["a", "z"])})
    with pytest.raises(ValueError, match=r"A teacher answers the student's tasks with the same labels. .*'topic' is"):
        prepared(mk.DistillationScheme(teacher=other), model)
    words = {"one": mk.TextModality(3, vocabulary=["blue"]), "two": mk.TextModality(3, vocabulary=["blue"])}
    with pytest.raises(ValueError, match=r"Teacher and student read the same tensors. .*'one' otherwise"):
        prepared(mk.DistillationScheme(teacher=mk.build_model(words, HEADS)), model)
    with pytest.raises(ValueError, match=r"A teacher answers every record. Received one that needs 'one'"):
        prepared(mk.DistillationScheme(teacher=network(optional=False)), model)


def test_gradients_of_tasks():
    slices = tf.IndexedSlices(tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([2, 2]), tf.constant([3, 2]))
    assert dense(slices).numpy().tolist() == [[0, 0], [0, 0], [4, 6]]
    one, other = [slices, None], [tf.ones((3, 2)), tf.constant([2.0])]
    assert gram_matrix([one, other]).numpy().tolist() == [[52.0, 10.0], [10.0, 10.0]]
    assert weighted_sum([slices, tf.ones((3, 2))], tf.constant([2.0, 1.0])).numpy().tolist() == [
        [1, 1],
        [1, 1],
        [9, 13],
    ]
    assert weighted_sum([None, None], tf.constant([2.0, 1.0])) is None
