"""Pictures to pixels, and augmentation while training only."""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import multimodal_keras as mk

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8, 3), "uint8")


def decoded(modality, *raws):
    return modality.decode(tf.constant([*raws]))


@pytest.mark.oldest
@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_pixels_come_through_unchanged(kind):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind)
    tensor, present = decoded(mk.ImageModality((8, 8)), file.getvalue(), b"")
    np.testing.assert_array_equal(tensor[0], PIXELS)
    assert tensor.dtype == "uint8"
    assert present.numpy().tolist() == [True, False]


def test_an_array_takes_the_way_of_a_file():
    modality = mk.ImageModality((8, 8))
    raw = modality.read(PIXELS)
    assert raw.startswith(b"\x89PNG")
    np.testing.assert_array_equal(decoded(modality, raw)[0][0], PIXELS)
    grey = decoded(modality, modality.read(PIXELS[..., 0]))[0][0]
    np.testing.assert_array_equal(grey, np.repeat(PIXELS[..., :1], 3, axis=-1))


def test_transparency_is_put_on_white():
    modality = mk.ImageModality((8, 8))
    clear = np.concatenate([PIXELS, np.zeros((8, 8, 1), "uint8")], axis=-1)
    assert (decoded(modality, modality.read(clear))[0].numpy() == 255).all()


@pytest.mark.parametrize(("resize", "corner"), [("stretch", 0), ("crop", 0), ("pad", 255)])
def test_ways_to_resize(resize, corner):
    modality = mk.ImageModality((8, 8), resize=resize)
    tensor = decoded(modality, modality.read(np.zeros((16, 64, 3), "uint8")))[0].numpy()
    assert tensor.shape == (1, 8, 8, 3)
    assert (tensor[0, 0, 0] == corner).all()
    assert (tensor[0, 4, 4] == 0).all()


def test_the_device_half_scales():
    np.testing.assert_allclose(mk.ImageModality((8, 8))(PIXELS[None])[0], PIXELS / 255.0, rtol=1e-6)


def test_augmentation_only_while_training():
    keras.utils.set_random_seed(0)
    modality = mk.ImageModality((8, 8), augmentation=["RandomFlip", keras.layers.RandomContrast(0.2)])
    still, moved = modality(PIXELS[None]).numpy(), modality(PIXELS[None], training=True).numpy()
    np.testing.assert_allclose(still[0], PIXELS / 255.0, rtol=1e-6)
    assert np.abs(still - moved).max() > 1e-3
    assert moved.min() >= 0
    assert moved.max() <= 1
    again = mk.ImageModality.from_config(modality.get_config())
    assert [type(layer).__name__ for layer in again._augmentation] == ["RandomFlip", "RandomContrast"]
    np.testing.assert_array_equal(mk.ImageModality((8, 8))(PIXELS[None], training=True), still)


def test_reading_files(tmp_path):
    (tmp_path / "a.png").write_bytes(mk.ImageModality().read(PIXELS))
    modality = mk.ImageModality()
    assert modality.read("a.png", tmp_path) == modality.read(tmp_path / "a.png")
    assert modality.read(None) == b""
    assert modality.read(b"abc") == b"abc"
    with pytest.raises(ValueError, match=r"Received 'b.png', and .*b.png cannot be read \(No such file"):
        modality.read("b.png", tmp_path)


def test_errors():
    with pytest.raises(ValueError, match=r"size is \(height, width\) in pixels. Received \(3,\)"):
        mk.ImageModality((3,))
    with pytest.raises(ValueError, match=r"one of stretch, crop, pad. Received 'squeeze'"):
        mk.ImageModality(resize="squeeze")
    with pytest.raises(ValueError, match=r"Keras's Random layers. Received 'Dense'. Known: .*RandomFlip"):
        mk.ImageModality(augmentation=["Dense"])
    with pytest.raises(ValueError, match=r"uint8 .* Received float64 \(2, 2, 3\)"):
        mk.ImageModality().read(np.ones((2, 2, 3)))
    with pytest.raises(ValueError, match=r"Received a float|Received 1.5"):
        mk.ImageModality().read(1.5)


def test_what_is_no_picture_is_refused():
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        decoded(mk.ImageModality((8, 8)), b"no picture at all")
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=r"pixels"):
        decoded(mk.ImageModality((8, 8), max_pixels=63), mk.ImageModality().read(PIXELS))
