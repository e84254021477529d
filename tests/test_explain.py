"""`mk.explain`: exact Shapley values, equal from every source, and true where the truth is known."""

from __future__ import annotations

import itertools
import math

import contracts
import keras
import numpy as np
import pytest
from plain_components import PlainEncoder

import multimodal_keras as mk
from multimodal_keras.base import parts, presence_name
from multimodal_keras.base.contributions import contributions_model, shapley_weights, subsets_of
from multimodal_keras.base.missing import Missing
from multimodal_keras.base.parts import layer_name

every_fusion = pytest.mark.parametrize("name", [name for kind, name in contracts.registered() if kind == "Fusion"])


def orders(value, fields):
    """Shapley's own definition: the mean over all orders of what each modality's coming changes."""
    gained = dict.fromkeys(fields, 0.0)
    for order in itertools.permutations(fields):
        for place, field in enumerate(order):
            gained[field] += value({*order[: place + 1]}) - value({*order[:place]})
    return np.stack([gained[field] / math.factorial(len(fields)) for field in sorted(fields)], axis=1)


def told(model, inputs):
    return {name: output.numpy() for name, output in contributions_model(model)(inputs, training=False).items()}


def stir(model):
    """Let learned tokens be far from zero."""
    random = np.random.default_rng(4)
    for weight in model.weights:
        if "token" in weight.path:
            weight.assign(random.normal(size=weight.shape))


def test_weights_by_hand():
    np.testing.assert_array_equal(subsets_of(2), [[0, 0], [1, 0], [0, 1], [1, 1]])
    np.testing.assert_array_equal(shapley_weights(2), [[-0.5, 0.5, -0.5, 0.5], [-0.5, -0.5, 0.5, 0.5]])
    np.testing.assert_allclose(shapley_weights(10).sum(axis=1), 0, atol=1e-6)


@pytest.mark.oldest
@every_fusion
def test_contributions_are_shapley_values_of_the_model_itself(name):
    """Three optional modalities, of which records lack some: every subset asked for through the model's own inputs."""
    model = contracts.models("Fusion", name)["3"]
    stir(model)
    inputs, fields = contracts.tensors(model), [*parts(model).modalities]

    def value(subset):
        gone = {presence_name(field): np.zeros(6, bool) for field in fields if field not in subset}
        return contracts.answer(model, inputs | gone)["task"]

    found = told(model, inputs)
    np.testing.assert_allclose(found["task"], value({*fields}), atol=1e-6)
    np.testing.assert_allclose(found["task_baseline"], value(set()), atol=1e-6)
    np.testing.assert_allclose(found["task_contributions"], orders(value, fields), atol=1e-6)
    gained = found["task"] - found["task_baseline"]
    np.testing.assert_allclose(found["task_contributions"].sum(axis=1), gained, atol=1e-5)
    for index, field in enumerate(fields):
        here = inputs[presence_name(field)]
        assert not found["task_contributions"][~here, index].any()
        assert found["task_contributions"][here, index].any()


@pytest.mark.parametrize("name", ["ConcatFusion", "GatedFusion"])
def test_a_required_modality_is_absent_as_its_fusion_has_it(name):
    """One of each `missing`: the parts of the model, given zeros by hand."""
    keras.utils.set_random_seed(5)
    kinds = ("text", "frames", "numbers")
    fields = {kind: contracts.component(kind, optional=kind == "frames") for kind in kinds}
    fusion = contracts.small(name, mk.Fusion)
    model = contracts.model_of(fields, {kind: PlainEncoder() for kind in kinds}, fusion=fusion)
    stir(model)
    inputs, found = contracts.tensors(model), told(model, contracts.tensors(model))
    cut = {layer_name(kind, mk.Encoder): model.get_layer(layer_name(kind, mk.Encoder)).output for kind in kinds}
    tokens = keras.Model(model.input, cut)(inputs)

    def value(subset):
        given, masks, shown = {}, {}, {}
        for kind in kinds:
            given[kind], masks[kind] = mk.base.split_steps(tokens[layer_name(kind, mk.Encoder)])
            here = inputs[presence_name(kind)] if kind == "frames" else np.ones(6, bool)
            shown[kind] = here if kind in subset else np.zeros(6, bool)
            if kind == "frames":
                given[kind], masks[kind] = model.get_layer("frames_missing")(given[kind], shown[kind], masks[kind])
            elif kind not in subset:
                steps = np.arange(given[kind].shape[1]) == (0 if name == "ConcatFusion" else -1)
                given[kind] = np.zeros(given[kind].shape, "float32")
                masks[kind] = np.broadcast_to(steps, given[kind].shape[:2])
        fused = parts(model).fusion(given, masks, shown)
        return parts(model).heads["task"](fused).numpy()

    np.testing.assert_allclose(found["task"], contracts.answer(model, inputs)["task"], atol=1e-6)
    np.testing.assert_allclose(found["task_contributions"], orders(value, [*kinds]), atol=1e-6)
    gained = found["task"] - found["task_baseline"]
    np.testing.assert_allclose(found["task_contributions"].sum(axis=1), gained, atol=1e-5)


def test_a_large_mean_swallows_no_contribution():
    """A value around a million, of which the modalities explain a few units."""
    fields = {kind: contracts.component(kind) for kind in ("frames", "numbers")}
    heads = {"height": mk.RegressionHead(mean=1e6, deviation=1.0)}
    model = contracts.model_of(fields, {kind: PlainEncoder() for kind in fields}, heads=heads)
    found = told(model, contracts.tensors(model))
    gained = found["height"] - found["height_baseline"]
    assert np.abs(gained).max() > 0.1
    np.testing.assert_allclose(found["height_contributions"].sum(axis=1), gained, atol=1e-5)


def test_more_modalities_than_can_be_told(tmp_path):
    fields = {f"field_{number}": contracts.component("numbers") for number in range(11)}
    model = contracts.model_of(fields, {field: PlainEncoder() for field in fields})
    with pytest.raises(ValueError, match=r"at most 10 modalities. Received 11: field_0, .* Join some"):
        contributions_model(model)
    with pytest.raises(
        ValueError, match=r"of at most 10 modalities.* Received a model of \d+ without one. Export it again"
    ):
        mk.explain(model, [])
    assert "explain" not in mk.exporting.contract(model)["signatures"]


def test_no_weight_is_added():
    model = contracts.models("Fusion", "ConcatFusion")["3"]
    assert {id(weight) for weight in contributions_model(model).weights} == {id(weight) for weight in model.weights}
    assert not Missing("zeros")(np.ones((1, 2, 3)), np.zeros(1, bool))[0].numpy().any()


PLANTED = {"mars": "planet", "venus": "planet", "iron": "metal", "zinc": "metal"}


@pytest.fixture(scope="module")
def planted():
    """Records whose title alone carries the label: each title comes with each note and each shade equally often."""
    every = [*itertools.product(PLANTED, ("new", "old", "odd"), (30, 220))] * 4
    rows = [
        {
            "title": title,
            "note": note,
            "picture": np.full((8, 8, 3), shade, "uint8"),
            "kind": PLANTED[title],
            "tags": "a",
        }
        for title, note, shade in every
    ]
    return mk.data.Records.of([{**row, "size": 5.0 * (row["kind"] == "metal")} for row in rows])


@pytest.fixture(scope="module")
def model(planted):
    """Trained on them; weights that nothing needs fade."""
    keras.utils.set_random_seed(6)
    model = mk.build_model(
        {
            "title": mk.TextModality(2, optional=True),
            "note": mk.TextModality(2, optional=True),
            "picture": mk.ImageModality((8, 8), optional=True),
        },
        {
            "kind": mk.ClassificationHead(),
            "size": mk.RegressionHead(unit="cm"),
            "tags": mk.MultiLabelHead(labels=["a", "b"]),
        },
        encoders={field: PlainEncoder() for field in ("title", "note", "picture")},
        adapt_to=planted,
        modality_dropout=0.3,
    )
    mk.fit(model, planted, epochs=20, learning_rate=0.02, l1=0.01, patience=None, verbose=0)
    return model


@pytest.fixture(scope="module")
def sources(model, planted, tmp_path_factory):
    """The model in every form that `explain` takes."""
    folder = tmp_path_factory.mktemp("explained")
    (folder / "run").mkdir()
    model.save(folder / "run" / "model.keras")
    exported = mk.export(model, folder / "1", sample=planted, sample_size=16, explain=True).folder
    return {"model": model, "run": folder / "run", "folder": exported, "tflite": exported / "model.tflite"}


def test_the_modality_that_carries_the_label_gets_the_credit(model, planted):
    explanations = mk.explain(model, planted)
    assert all(answer["kind"]["label"] == row["kind"] for answer, row in zip(explanations, planted, strict=True))
    summary = explanations.summary()
    for task in ("kind", "size"):
        assert summary[task]["title"]["share"] >= 0.95
        assert sum(facts["share"] for facts in summary[task].values()) == pytest.approx(1)
    mean = np.mean([abs(answer["size"]["contributions"]["title"]) for answer in explanations])
    assert summary["size"]["title"]["mean"] == pytest.approx(mean)


def some(planted):
    """Rows with everything, and rows that lack what may be missing."""
    rows = [dict(row) for row in planted.take(6)]
    rows[1]["note"] = None
    rows[2] |= {"note": "", "picture": None}
    return rows


def check_sums(answers, rows):
    for answer, row in zip(answers, rows, strict=True):
        kind, size, tags = answer["kind"], answer["size"], answer["tags"]
        assert [*kind["contributions"]] == ["note", "picture", "title"]
        total = kind["baseline"] + sum(kind["contributions"].values())
        assert total == pytest.approx(kind["probability"], abs=1e-5)
        assert size["baseline"] + sum(size["contributions"].values()) == pytest.approx(size["value"], abs=1e-5)
        for label in ("a", "b"):
            gained = sum(values[label] for values in tags["contributions"].values())
            assert tags["baseline"][label] + gained == pytest.approx(tags["probabilities"][label], abs=1e-5)
        for field in ("note", "picture"):
            if row[field] is None or len(row[field]) == 0:
                assert kind["contributions"][field] == size["contributions"][field] == 0.0
                assert tags["contributions"][field] == {"a": 0.0, "b": 0.0}


def numbers_of(facts):
    """All numbers of an answer, in their order."""
    if isinstance(facts, dict):
        return [number for name in facts for number in numbers_of(facts[name])]
    return [facts] if isinstance(facts, float) else []


def test_every_source_tells_the_same(sources, planted):
    rows = some(planted)
    wanted = mk.explain(sources["model"], rows)
    for source in sources.values():
        check_source(source, rows, wanted)


def check_source(source, rows, wanted):
    found = mk.explain(source, rows)
    check_sums(found, rows)
    for one, other, plain in zip(found, wanted, mk.predict(source, rows), strict=True):
        np.testing.assert_allclose(numbers_of(one), numbers_of(other), atol=2e-5)
        for task, facts in plain.items():
            assert {name: one[task][name] for name in ("label", "unit") if name in facts} == {
                name: facts[name] for name in ("label", "unit") if name in facts
            }
            told = {name: value for name, value in one[task].items() if name not in ("baseline", "contributions")}
            np.testing.assert_allclose(numbers_of(told), numbers_of(facts), atol=1e-6)
