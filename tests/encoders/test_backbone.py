"""Backbones are the networks of keras.applications, with their own preprocessing."""

from __future__ import annotations

import sys
from pathlib import Path

import contracts
import keras
import numpy as np
import pytest
from keras.applications import mobilenet_v2

import multimodal_keras as mk
from multimodal_keras.encoders.backbone import _backbones

PIXELS = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    network = mobilenet_v2.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    contracts.wake_up(network)
    return network


@pytest.fixture(scope="module")
def weights_file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "network.weights.h5"
    network.save_weights(path)
    return str(path)


def by_hand(network):
    grid = network(mobilenet_v2.preprocess_input(PIXELS * 255.0), training=False)
    return np.reshape(grid, (2, -1, 1280))


def test_weights_from_a_file_and_preprocessing(network, weights_file):
    encoder = mk.BackboneEncoder("MobileNetV2", weights=weights_file)
    np.testing.assert_allclose(encoder(PIXELS), by_hand(network), rtol=1e-4, atol=1e-5)
    assert np.abs(by_hand(network) - np.reshape(network(PIXELS, training=False), (2, -1, 1280))).max() > 1e-3


def test_a_reloaded_model_does_not_need_the_weights_file(network, weights_file, tmp_path):
    gone = tmp_path / "gone.weights.h5"
    gone.write_bytes(Path(weights_file).read_bytes())
    model = mk.build_model(
        {"image": mk.ImageModality((32, 32))},
        {"task": mk.ClassificationHead(labels=["a", "b"])},
        encoders={"image": mk.BackboneEncoder(weights=str(gone))},
    )
    model.save(tmp_path / "model.keras")
    gone.unlink()
    pixels = {"image": (PIXELS * 255).astype("uint8")}
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(pixels)["task"], model(pixels)["task"])


def test_frozen_is_the_default_and_keeps_batch_statistics():
    frozen = mk.BackboneEncoder("MobileNetV2")
    np.testing.assert_array_equal(frozen(PIXELS, training=True), frozen(PIXELS, training=False))
    assert frozen.trainable_variables == []
    assert len(frozen.non_trainable_variables) > 100


def test_an_unfrozen_one_learns():
    free = mk.BackboneEncoder("MobileNetV2", trainable=True)
    free.build((None, 32, 32, 3))
    assert len(free.trainable_variables) > 100
    before = [variable.numpy() for variable in free.non_trainable_variables]
    free(PIXELS, training=True)
    assert any(
        np.abs(one - other.numpy()).max() > 0 for one, other in zip(before, free.non_trainable_variables, strict=True)
    )
    assert type(free).from_config(free.get_config()).trainable


def test_it_learns_from_a_layer_up_and_keeps_the_statistics_below():
    encoder = mk.BackboneEncoder("MobileNetV2", trainable="from:block_16_expand")
    encoder.build((None, 32, 32, 3))
    learning = {variable.path.split("/")[-2] for variable in encoder.trainable_variables}
    assert {"block_16_expand", "Conv_1", "Conv_1_bn"} <= learning
    assert not [name for name in learning if not name.startswith(("block_16", "Conv_1"))]
    before = {variable.path: variable.numpy() for variable in encoder.non_trainable_variables}
    encoder(PIXELS, training=True)
    moved = {v.path for v in encoder.non_trainable_variables if np.abs(v.numpy() - before[v.path]).max() > 0}
    assert moved
    assert all("block_16" in path or "Conv_1_bn" in path for path in moved)
    assert type(encoder).from_config(encoder.get_config()).trained == "from:block_16_expand"


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"Received 'block_99'; .*block_16_expand"):
        mk.BackboneEncoder("MobileNetV2", trainable="from:block_99").build((None, 32, 32, 3))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"Received 'ResNet5000'. Known: ConvNeXtBase, .*MobileNetV2, .*Xception"):
        mk.BackboneEncoder("ResNet5000")


def test_features_that_are_no_pictures_are_refused():
    with pytest.raises(ValueError, match=r"A backbone takes pictures"):
        mk.BackboneEncoder()(np.zeros((2, 5), "float32"))


def test_every_network_has_its_preprocessing():
    for name, builder in _backbones().items():
        assert callable(sys.modules[builder.__module__].preprocess_input), name
