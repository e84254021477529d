"""The reader of PyTorch's old files against files made by hand, and the real weights on two real photographs."""

from __future__ import annotations

import collections
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

import multimodal_keras as mk
from multimodal_keras.runtime.resize import resize_pixels

EXAMPLES = Path(__file__).parents[2] / "examples"
# ImageNet's numbers of what is in the photographs of scikit-learn.
DAISY, BUILDINGS = 985, {442, 538, 663, 832}  # bell cote, dome, monastery, stupa


@pytest.fixture(scope="module")
def efficientnet():
    """The example as a module."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        import efficientnet
    finally:
        sys.path.remove(str(EXAMPLES))
    return efficientnet


class _Storage:
    def __init__(self, key, numbers):
        self.key, self.numbers = key, numbers


class _Named:
    """Pickles as a global of this name, which need not be here."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Pickler(pickle._Pickler):
    """Writes what PyTorch before 1.6 wrote, without it."""

    def persistent_id(self, value):
        if isinstance(value, _Storage):
            return ("storage", _Named("torch", "FloatStorage"), value.key, "cpu", len(value.numbers), None)
        return None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, _Named):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        else:
            super().save(value, save_persistent_id)


class _Tensor:
    def __init__(self, storage, offset, size, stride):
        self.facts = (storage, offset, size, stride, False, collections.OrderedDict())


def written(path, tensors, function="_rebuild_tensor_v2"):
    """A file of weights; each tensor is `(storage, offset, size, stride)`."""
    storages = {storage.key: storage for storage, *_ in tensors.values()}
    with path.open("wb") as stream:
        for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(header, stream, protocol=2)
        pickler = _Pickler(stream, protocol=2)
        pickler.dispatch = {**pickle._Pickler.dispatch, _Tensor: _rebuilt(function)}
        pickler.dump(collections.OrderedDict((name, _Tensor(*facts)) for name, facts in tensors.items()))
        pickle.dump(sorted(storages), stream, protocol=2)
        for key in sorted(storages):
            stream.write(struct.pack("<q", len(storages[key].numbers)))
            stream.write(np.asarray(storages[key].numbers, "<f4").tobytes())
    return path


def _rebuilt(function):
    def save(pickler, tensor):
        pickler.save(_Named("torch._utils", function))
        pickler.save(tensor.facts)
        pickler.write(pickle.REDUCE)

    return save


def test_a_tensor_is_read_by_its_offset_and_strides(efficientnet, tmp_path):
    storage = _Storage("7", np.arange(8))
    facts = {"plain": (storage, 0, (2, 3), (3, 1)), "turned": (storage, 1, (2, 3), (1, 2)), "one": (storage, 4, (), ())}
    found = efficientnet.read_weights(written(tmp_path / "a.pth", facts))
    assert {name: array.tolist() for name, array in found.items()} == {
        "plain": [[0, 1, 2], [3, 4, 5]],
        "turned": [[1, 3, 5], [2, 4, 6]],
        "one": 4,
    }


def test_a_tensor_outside_of_its_storage_is_refused(efficientnet, tmp_path):
    path = written(tmp_path / "a.pth", {"wide": (_Storage("7", np.arange(8)), 3, (2, 3), (3, 1))})
    with pytest.raises(ValueError, match="lies within its storage"):
        efficientnet.read_weights(path)


def test_a_file_cannot_call_anything(efficientnet, tmp_path):
    path = written(tmp_path / "a.pth", {"bad": (_Storage("7", np.arange(8)), 0, (2,), (1,))}, "something_else")
    with pytest.raises(pickle.UnpicklingError, match=r"tensors only\. Received torch\._utils\.something_else"):
        efficientnet.read_weights(path)


def test_what_was_trained_on_found_features_answers_files_alike(efficientnet, monkeypatch):
    network = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(efficientnet.FEATURES, 8), keras.layers.Flatten()]
    )
    monkeypatch.setattr(efficientnet, "efficientnet_lite0", lambda size: network)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import frozen

    pictures = frozen.FrozenPictures(8)
    records = mk.data.Records.of(
        [{"image": load_sample_image(name), "kind": name} for name in ("flower.jpg", "china.jpg")] * 3
    )
    light, whole = (
        mk.build_model(
            {"image": branch[0]}, {"kind": "ClassificationHead"}, encoders={"image": branch[1]}, adapt_to=records
        )
        for branch in (pictures.seen, pictures.files)
    )
    seen = pictures.look(records)
    mk.fit(light, seen, epochs=1, batch_size=2, verbose=0)
    expected = answers(light, seen)
    assert np.abs(answers(whole, records) - expected).max() > 1e-3
    frozen.put_into(whole, light)
    np.testing.assert_allclose(answers(whole, records), expected, atol=1e-6)


def answers(model, records):
    return mk.evaluate(model, records, bootstrap=0).predictions["kind"].predicted


def test_the_real_weights_know_photographs(efficientnet):
    try:
        network = efficientnet.efficientnet_lite0(224, classifier=True)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"the weights cannot be fetched: {error}")
    photographs = [load_sample_image(name) for name in ("flower.jpg", "china.jpg")]
    pixels = np.stack([resize_pixels(photograph, (224, 224), "crop") for photograph in photographs])
    logits = network((pixels.astype("float32") - 127) / 128, training=False).numpy()
    flower, china = np.argsort(-logits, axis=1)[:, :5].tolist()
    assert flower[0] == DAISY
    assert set(china) & BUILDINGS, china
    assert np.ptp(logits, axis=1).min() > 3
