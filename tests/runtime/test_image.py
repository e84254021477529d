import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, features

from multimodal_keras.modalities import image_graph, resize_graph
from multimodal_keras.runtime import image, resize

GOALS = [((32, 32), "stretch"), ((24, 40), "crop"), ((24, 40), "pad"), ((7, 5), "pad")]
SIZES = [(1, 1), (1, 9), (13, 17), (64, 32), (301, 203)]
WEBP = features.check("webp") and image_graph.HAS_WEBP


def saved(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(height, width, channels=3, seed=0):
    """Soft gradients with noise, so that neither DCT nor palettes have it too easy."""
    rng = np.random.default_rng(seed + height * width)
    y, x = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(x / (5 + c) + c) * np.cos(y / (7 + c)) for c in range(channels)]
    return np.clip(np.stack(waves, -1) + rng.normal(0, 20, (height, width, channels)), 0, 255).astype(np.uint8)


def without_adobe(data):
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def accepted(height, width):
    rgb, rgba = Image.fromarray(pixels(height, width)), Image.fromarray(pixels(height, width, 4))
    grey, coloured, ink = rgb.convert("L"), rgb.quantize(64), Image.fromarray(pixels(height, width, 4), "CMYK")
    grey_alpha = Image.merge("LA", [grey, rgba.getchannel(3)])
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 251 + 77)
    turned = [rgb.transpose(Image.Transpose.ROTATE_180).quantize(16)] * 2
    yield "jpeg", saved(rgb, "JPEG", quality=90)
    yield "jpeg 4:2:0", saved(rgb, "JPEG", quality=60, subsampling=2)
    yield "jpeg progressive", saved(rgb, "JPEG", progressive=True)
    yield "jpeg grey", saved(grey, "JPEG")
    yield "jpeg cmyk", saved(ink, "JPEG")
    yield "jpeg cmyk without marker", without_adobe(saved(ink, "JPEG"))
    for name, picture in {"rgb": rgb, "rgba": rgba, "grey": grey, "la": grey_alpha, "16 bit": deep}.items():
        yield f"png {name}", saved(picture, "PNG")
    yield "png 1 bit", saved(grey.convert("1"), "PNG")
    yield "png palette", saved(coloured, "PNG")
    yield "png 2-bit palette", saved(rgb.quantize(4), "PNG", bits=2)
    yield "png palette alpha", saved(coloured, "PNG", transparency=bytes(range(0, 256, 4)))
    yield "png transparent grey", saved(grey, "PNG", transparency=7)
    yield "png transparent rgb", saved(rgb, "PNG", transparency=(1, 2, 3))
    yield "gif", saved(coloured, "GIF")
    yield "gif interlaced grey", saved(grey, "GIF", interlace=1)
    yield "gif frames", saved(coloured, "GIF", save_all=True, append_images=turned, loop=0)
    yield "bmp", saved(rgb, "BMP")
    yield "bmp grey", saved(grey, "BMP")
    if WEBP:
        yield "webp", saved(rgb, "WEBP")
        yield "webp lossless", saved(rgb, "WEBP", lossless=True)
        yield "webp alpha", saved(rgba, "WEBP")


def refused():
    rgb, rgba = Image.fromarray(pixels(20, 30)), Image.fromarray(pixels(20, 30, 4))
    coloured = rgb.quantize(16)
    yield "text", b"not a picture"
    yield "one byte", b"\xff"
    yield "png head", b"\x89PNG\r\n\x1a\n"
    yield "riff head", b"RIFF\x00\x00"
    yield "gif head", b"GIF89a"
    yield "bmp head", b"BM"
    yield "gif transparent", saved(coloured, "GIF", transparency=2)
    yield "bmp palette", saved(coloured, "BMP")
    yield "bmp 1 bit", saved(rgb.convert("1"), "BMP")
    yield "bmp 32 bit", saved(rgba, "BMP")
    yield "tiff", saved(rgb, "TIFF")
    yield "ico", saved(rgb, "ICO")
    if WEBP:
        turned = rgb.transpose(Image.Transpose.ROTATE_180)
        yield "webp animation", saved(rgb, "WEBP", save_all=True, append_images=[turned])
    complete = dict(accepted(9, 11))
    for name in ("jpeg", "jpeg progressive", "png rgb", "png palette", "gif", "bmp", "bmp grey", *(["webp"] * WEBP)):
        data = complete[name]
        for end in (len(data) // 8, len(data) // 2, len(data) * 3 // 4, len(data) - 2):
            yield f"{name} cut at {end}", data[:end]


_FUNCTIONS = {}


def in_graph(data, size, way="stretch", max_pixels=image.MAX_PIXELS):
    key = (size, way, max_pixels)
    if key not in _FUNCTIONS:
        _FUNCTIONS[key] = tf.function(
            lambda scalar: image_graph.decode_picture(scalar, *key), input_signature=[tf.TensorSpec([], tf.string)]
        )
    return _FUNCTIONS[key](tf.constant(data)).numpy()


@pytest.mark.parametrize("shape", SIZES)
def test_twins_are_equal_to_the_bit(shape):
    for name, data in accepted(*shape):
        for size, way in GOALS:
            ours = image.decode_picture(data, size, way)
            assert ours.shape == (*size, 3), name
            assert ours.dtype == np.uint8
            np.testing.assert_array_equal(in_graph(data, size, way), ours, err_msg=f"{name} {size} {way}")


@pytest.mark.oldest
def test_a_batch_in_a_data_set():
    files = [b"", *(data for _, data in accepted(40, 30))]
    dataset = tf.data.Dataset.from_tensor_slices(files).batch(8)
    dataset = dataset.map(lambda batch: image_graph.decode_pictures(batch, (16, 12)))
    assert dataset.element_spec.shape.as_list() == [None, 16, 12, 3]
    ours = np.stack([image.decode_picture(data, (16, 12)) for data in files])
    np.testing.assert_array_equal(np.concatenate(list(dataset.as_numpy_iterator())), ours)
    assert not ours[0].any()


def test_large_photographs_are_decoded_smaller_alike():
    picture = Image.fromarray(np.kron(pixels(150, 173), np.ones((8, 8, 1), np.uint8)))
    for options in ({}, {"progressive": True, "subsampling": 2}):
        data = saved(picture, "JPEG", quality=85, **options)
        for size, way in [((96, 96), "stretch"), ((200, 500), "crop"), ((300, 350), "pad"), ((700, 700), "stretch")]:
            np.testing.assert_array_equal(in_graph(data, size, way), image.decode_picture(data, size, way))


def test_both_refuse_the_same():
    for name, data in refused():
        with pytest.raises(ValueError, match=r"Received|picture"):
            image.decode_picture(data, (8, 8))
        with pytest.raises(tf.errors.InvalidArgumentError):
            in_graph(data, (8, 8))
            pytest.fail(name)


@pytest.mark.oldest
def test_bombs_are_refused_by_their_header():
    head = struct.pack(">IIBBBBB", 20_000, 10_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk + end
    with pytest.raises(ValueError, match=r"at most 50000000 in all. Received width 20000, height 10000"):
        image.decode_picture(bomb, (8, 8))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"at most 50000000 in all.*\[20000\] \[10000\]"):
        in_graph(bomb, (8, 8))
    for name, data in accepted(20, 30):
        assert image.picture_pixels(data) == 600, name
        with pytest.raises(ValueError, match="at most 599"):
            image.decode_picture(data, (8, 8), max_pixels=599)
        with pytest.raises(tf.errors.InvalidArgumentError, match="at most 599"):
            in_graph(data, (8, 8), max_pixels=599)
        assert in_graph(data, (8, 8), max_pixels=600).shape == (8, 8, 3), name


def test_webp_without_a_decoder_says_so(monkeypatch):
    monkeypatch.setattr(image_graph, "HAS_WEBP", False)
    function = tf.function(lambda data: image_graph.decode_picture(data, (4, 6)))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"has tf\.io\.decode_webp"):
        function(tf.constant(b"RIFF\x00\x00\x00\x00WEBPVP8 "))
    assert function(tf.constant(b"")).shape == (4, 6, 3)


def test_values_that_can_be_checked_by_hand():
    def png(rows, mode=None):
        return saved(Image.fromarray(np.array(rows, np.uint8), mode), "PNG")

    # The mean of 10, 20, 30, 41 is 25.25; half a step rounds up: (1 + 2) / 2 = 1.5 becomes 2.
    assert image.decode_picture(png([[10, 20], [30, 41]]), (1, 1)).tolist() == [[[25, 25, 25]]]
    assert image.decode_picture(png([[1, 2]]), (1, 1)).tolist() == [[[2, 2, 2]]]
    # Bilinear from 2 to 4: the outer ones stay, the inner ones lie at a quarter and at three quarters.
    assert image.decode_picture(png([[0, 100]]), (1, 4))[0, :, 0].tolist() == [0, 25, 75, 100]
    # Half-transparent black on white: (255 * 127 + 127) // 255.
    assert image.decode_picture(png([[[0, 0, 0, 128]]]), (1, 1)).tolist() == [[[127, 127, 127]]]
    wide = png([[10, 50, 90, 130]])
    assert image.decode_picture(wide, (1, 2), "crop")[0, :, 0].tolist() == [50, 90]
    assert image.decode_picture(wide, (4, 4), "pad")[:, 0, 0].tolist() == [255, 10, 255, 255]


def test_extreme_shapes_cost_nothing():
    data = saved(Image.new("RGB", (60_000, 1), (9, 8, 7)), "PNG")
    for size, way in GOALS:
        ours = image.decode_picture(data, size, way)
        np.testing.assert_array_equal(in_graph(data, size, way), ours)
        assert ours[(size[0] - 1) // 2, size[1] // 2].tolist() == [9, 8, 7]


def test_resizing_stays_within_one_of_tensorflows():
    given = pixels(37, 53)
    theirs = tf.floor(tf.image.resize(given, (60, 80)) + 0.5)
    assert np.abs(theirs - resize.resize_pixels(given, (60, 80)).astype(np.float32)).max() <= 1
    np.testing.assert_array_equal(
        resize_graph.resize_pixels(tf.constant(given), (60, 80)), resize.resize_pixels(given, (60, 80))
    )
    blocks = np.full((600, 301, 3), 255, np.uint8)  # a factor of more than 257
    np.testing.assert_array_equal(resize_graph.resize_pixels(tf.constant(blocks), (1, 1)), [[[255] * 3]])
    np.testing.assert_array_equal(resize.resize_pixels(blocks, (1, 1)), [[[255] * 3]])


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="resize must be one of stretch, crop, pad"):
        image.decode_picture(b"", (8, 8), "fit")
    with pytest.raises(ValueError, match="from 1 to 8192 pixels"):
        image_graph.decode_picture(tf.constant(b""), (0, 8))
    with pytest.raises(ValueError, match=r"known format. Received b'\\x00hello'"):
        image.sniff(b"\x00hello")
    with pytest.raises(tf.errors.InvalidArgumentError, match="begins with the bytes"):
        in_graph(b"\xff\xfe\xfd", (8, 8))
    assert [image.sniff(data) for name, data in accepted(4, 4) if " " not in name][:3] == ["jpeg", "gif", "bmp"]
