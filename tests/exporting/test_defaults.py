"""Default values of optional inputs, as they stand in `saved_model.pb`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import multimodal_keras as mk
from multimodal_keras.exporting.defaults import absent_value, with_defaults
from multimodal_keras.exporting.savedmodel import write_savedmodel
from multimodal_keras.serving.records import RecordReader


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, clipart: mk.data.Records) -> Path:
    """A SavedModel with two optional fields around a required one."""
    rows = [{**record, "about": record["title"], "image": str(clipart.folder / record["image"])} for record in clipart]
    model = mk.build_model(
        {
            "about": mk.TextModality(sequence_length=4, optional=True),
            "image": mk.ImageModality(size=(16, 16)),
            "title": mk.TextModality(sequence_length=4, optional=True),
        },
        {"subject": mk.ClassificationHead(labels=["a", "b"])},
        adapt_to=rows[:8],
    )
    written = tmp_path_factory.mktemp("defaults") / "1"
    write_savedmodel(model, written)
    return written


def signatures(folder: Path) -> Any:
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    return saved.meta_graphs[0].signature_def


def test_optional_inputs_have_defaults_in_the_file(folder: Path) -> None:
    found = signatures(folder)["serving_default"]
    assert set(found.inputs) == {"about", "image", "title"}
    assert {name: tf.make_ndarray(value).tolist() for name, value in found.defaults.items()} == {
        "about": [b""],
        "title": [b""],
    }
    # What our own server fills in is the same.
    spec = {"dtype": "string", "shape": [None]}
    contract = {
        "modalities": {name: {"kind": "text", "optional": True} for name in found.defaults},
        "signatures": {"serving_default": {"inputs": dict.fromkeys(found.defaults, spec)}},
    }
    assert RecordReader(contract).inputs([{}]) == {"about": [b""], "title": [b""]}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_not_fed_is_absent(folder: Path, clipart: mk.data.Records) -> None:
    """As TensorFlow Serving runs it: a session over the file, to which a gRPC client's inputs are fed, and no others."""
    signature = signatures(folder)["serving_default"]
    pictures = [Path(clipart.folder, record["image"]).read_bytes() for record in clipart.take(3)]
    fetched = signature.outputs["subject"].name
    places = {name: info.name for name, info in signature.inputs.items()}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        left_out = session.run(fetched, {places["image"]: pictures})
        empty = {places["about"]: [b""] * 3, places["title"]: [b""] * 3}
        sent = session.run(fetched, {places["image"]: pictures, **empty})
        titles = {places["title"]: [b"a cat", b"a dog", b"a map"]}
        named = session.run(fetched, {places["image"]: pictures, **titles})
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(fetched, {places["image"]: pictures, places["title"]: [b"a cat", b"a dog"]})
    assert left_out.shape[0] == 3
    np.testing.assert_array_equal(left_out, sent)
    assert np.abs(named - sent).max() > 1e-6


def test_values_that_stand_for_nothing() -> None:
    assert absent_value(tf.TensorSpec([None], tf.string)).numpy().tolist() == [b""]
    assert np.isnan(absent_value(tf.TensorSpec([None, 3], tf.float32)).numpy()).tolist() == [[True] * 3]
    assert absent_value(tf.TensorSpec([None, None, 2], tf.string)).numpy().tolist() == [[[b"", b""]]]


def test_integers_have_no_default() -> None:
    specs = {"a": tf.TensorSpec([None], tf.int32, name="a"), "b": tf.TensorSpec([None], tf.float32, name="b")}
    function, order = with_defaults(lambda inputs: inputs["b"], specs, {"a", "b"})
    assert order == [specs["a"], specs["b"]]
    assert np.isnan(function(tf.constant([1, 2])).numpy()).tolist() == [True, True]


def test_all_inputs_may_be_absent() -> None:
    specs = {name: tf.TensorSpec([None], tf.float32, name=name) for name in ("a", "b")}
    function, order = with_defaults(lambda inputs: inputs["a"] + inputs["b"], specs, {"a", "b"})
    compiled = tf.function(function, input_signature=order)
    assert compiled(tf.constant([1.0, 2.0]), tf.constant([3.0])).numpy().tolist() == [4.0, 5.0]
