"""One model with a field of each kind: parts, completeness, what is absent, and what stands beside a record."""

from __future__ import annotations

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from plain_components import PlainEncoder

import multimodal_keras as mk
from multimodal_keras.attributing.fading import EMBEDDING, FEATURES, FadingModel
from multimodal_keras.encoders.grids import closest_grid

KINDS = ("text", "image", "embedding", "pointcloud", "sequence", "video", "timeseries", "tabular", "audio", "frames")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(5)
    fields = {kind: contracts.component(kind) for kind in KINDS}
    special = {"text": mk.EmbeddingEncoder(embedding_width=4), "image": mk.Conv2DEncoder((4, 6))}
    special |= {"tabular": contracts.small("MLPEncoder", mk.Encoder), "embedding": mk.DenseEncoder(4)}
    encoders = {kind: special.get(kind) or PlainEncoder() for kind in KINDS}
    model = contracts.model_of(fields, encoders, heads={"height": mk.RegressionHead(mean=2.0, deviation=3.0)})
    for weight in model.trainable_variables:
        weight.assign_add(np.random.default_rng(1).normal(scale=0.1, size=weight.shape))
    return model


@pytest.fixture(scope="module")
def found(model):
    """Six records, and the first one once more, in a batch of its own."""
    rows = list(contracts.records(model))
    return mk.attribute(model, [*rows, rows[0]], steps=40, batch_size=6)


def test_the_answer_is_the_models_own(model, found):
    wanted = contracts.answer(model, contracts.tensors(model))["height"][:, 0]
    np.testing.assert_allclose([record["height"].prediction for record in found[:6]], wanted, atol=1e-5)


def test_attributions_sum_to_what_the_record_changes(found):
    for record in found:
        told = record["height"]
        moved = sum(abs(field.total) for field in told.values())
        assert abs(told.residual) <= 0.02 * moved + 1e-6
        for field in told.values():
            if field.parts:
                assert sum(part.value for part in field.parts) == pytest.approx(field.total, abs=1e-5)
            if field.map is not None and field.method == "integrated_gradients":
                assert field.map.sum() == pytest.approx(field.total, abs=1e-5)
    assert max(abs(record["height"].prediction - record["height"].baseline) for record in found) > 0.05


def test_what_is_absent_has_none(found):
    for field, rows in contracts.ABSENT.items():
        for row in range(6) if field in KINDS else ():
            told = found[row]["height"][field]
            assert (told.method == "absent") == (row in rows)
            assert bool(told.total) == (row not in rows)
            assert (field in found[row].contents) == (row not in rows)


def test_parts_have_names_and_places(found):
    told = {kind: found[0]["height"][kind] for kind in KINDS}
    texts = [(part.name, part.start, part.end) for part in told["text"].parts]
    assert texts == [("a", 0, 1), ("red", 2, 5), ("cat", 6, 9)]
    assert [(part.name, part.start) for part in told["sequence"].parts] == [
        ("AC", 0), ("CG", 1), ("GT", 2), ("TT", 3), ("TT", 4),
    ]  # fmt: skip
    assert [part.name for part in told["tabular"].parts] == ["age", "city", "member", "since", "zip code"]
    assert told["timeseries"].map.shape == (6, 3)
    assert told["timeseries"].map[2, 1] != 0  # a gap counts by its indicator
    assert len(found[1]["height"]["timeseries"].parts) == 4  # padding does not
    assert told["audio"].map.shape[1] == 12
    assert told["audio"].parts[1].name == "0.01 s"
    assert len(found[3]["height"]["audio"].parts) < len(told["audio"].parts)
    assert (told["image"].method, told["image"].map.shape) == ("grad_cam", (8, 8))
    assert (told["video"].method, told["video"].map.shape) == ("integrated_gradients", (3, 16, 16))
    assert [len(told[kind].parts) for kind in ("embedding", "pointcloud", "video", "frames")] == [4, 6, 3, 5]


def test_a_record_alone_is_told_the_same(found):
    among, alone = found[0]["height"], found[6]["height"]
    for kind in KINDS:
        values = ([part.value for part in told[kind].parts] for told in (among, alone))
        np.testing.assert_allclose(*values, atol=2e-3)
        if among[kind].map is not None:
            np.testing.assert_allclose(among[kind].map, alone[kind].map, atol=2e-3)


def test_layers_are_as_before(model, found):
    changed = [layer.name for layer in model._flatten_layers() if "call" in vars(layer)]
    assert changed == []


def test_gates_of_a_table_and_of_texts(model):
    gates = {(gate.field, gate.where): gate.shape for gate in FadingModel(model).gates}
    assert gates["tabular", FEATURES] == (14,)
    assert gates["tabular", EMBEDDING] == (2,)
    assert gates["text", EMBEDDING] == (5,)
    assert gates["image", FEATURES] == (32, 32, 1)


def test_ids_that_no_embedding_takes_have_no_attribution():
    class OneHotEncoder(mk.EmbeddingEncoder):
        def call(self, features, step_mask=None, training=None):
            return tf.one_hot(features, self.embedding_width), step_mask

    field = contracts.component("text", optional=False)
    model = contracts.model_of({"text": field}, {"text": OneHotEncoder(embedding_width=9)})
    told = mk.attribute(model, [{"text": "a red cat"}], steps=4)[0]["task"]["text"]
    assert (told.method, told.total, told.parts) == ("none", 0.0, ())
    assert "no gradient" in str(told)


def test_grids_of_cells():
    assert closest_grid(36, (None, 96, 96, 3)) == (6, 6)
    assert closest_grid(28, (None, 100, 50, 3)) == (7, 4)
    assert closest_grid(7, (None, 64, 64, 3)) is None
    assert closest_grid(0, (None, 64, 64, 3)) is None
    picture = (None, 32, 32, 3)
    conv = mk.Conv2DEncoder((4, 4, 4))
    assert conv.grid((None, 50, 20, 3)) == (7, 3)
    assert conv.compute_output_shape((None, 50, 20, 3)) == (None, 21, 4)
    assert conv.grid((None, 40, 12)) is None  # a spectrum
    for name in {"PretrainedEncoder", "HubEncoder"} - set(contracts.ABSENT_EXTRAS):
        encoder = contracts.small(name, mk.Encoder)
        encoder.build(picture)
        rows, columns = encoder.grid(picture)
        assert rows * columns == {"PretrainedEncoder": 49, "HubEncoder": 4}[name]
