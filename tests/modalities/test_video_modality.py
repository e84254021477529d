"""Videos to frames, alike with and without TensorFlow; GIFs, pictures, folders, and video files."""

from __future__ import annotations

import functools
import io
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

import multimodal_keras as mk
from multimodal_keras.modalities import gif_graph
from multimodal_keras.runtime import gif as gifs
from multimodal_keras.runtime.gif import gif_frames, open_gif_frames
from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.runtime.raw import is_absent
from multimodal_keras.runtime.video import evenly, video_pixels

KIND = KINDS["video"]
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 256, (5, 20, 24, 3), "uint8")


def picture(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def moving(frames, **options):
    """A GIF of these pictures."""
    file = io.BytesIO()
    first, *others = [frame if isinstance(frame, Image.Image) else Image.fromarray(frame) for frame in frames]
    first.save(file, "GIF", save_all=True, append_images=others, **options)
    return file.getvalue()


def ball(place, colour=(200, 30, 90), ground="RGB"):
    """A small thing on a large ground: Pillow writes what has changed alone."""
    drawn = Image.new(ground, (40, 30), (10, 200, 30) if ground == "RGB" else (0, 0, 0, 0))
    ImageDraw.Draw(drawn).rectangle((place, 10, place + 5, 15), fill=colour)
    return drawn


GIFS = {
    "noise": moving(NOISE),
    "parts": moving([ball(place) for place in (0, 7, 20, 20, 34)]),
    "palettes": moving([Image.fromarray(frame).quantize(5) for frame in NOISE]),
    "transparent": moving([ball(place, (200, 30, 90, 255), "RGBA") for place in (2, 20)], disposal=1),
    "whole and disposed": moving(NOISE, disposal=2, optimize=False),
    "grey": moving([frame[..., 0] for frame in NOISE]),
    "interlaced": moving(NOISE, interlace=1),
    "still": moving(NOISE[:1]),
}


@functools.cache
def decoders(frames, size, resize="stretch", max_pixels=50_000_000):
    """The graph's decoding, traced once, and the one without."""
    modality = mk.VideoModality(frames, size, resize=resize, max_pixels=max_pixels)
    graph = tf.function(modality.decode, input_signature=[tf.TensorSpec((None, None), tf.string)])
    return graph, KIND.decoder(modality.contract())


@functools.cache
def all_frames():
    return tf.function(lambda data: gif_graph.decode_gif(data, 10**7), input_signature=[tf.TensorSpec((), tf.string)])


def both(files, frames=4, size=(20, 24), **options):
    """The frames by the graph and without, which are the same."""
    graph, without = decoders(frames, size, **options)
    raw = np.empty((1, len(files)), object)
    raw[0] = files
    tensor, present = graph(tf.constant(raw))
    np.testing.assert_array_equal(tensor, without([raw[0]]))
    assert bool(present[0]) == (not is_absent(raw[0]))
    return tensor[0].numpy()


@pytest.mark.oldest
@pytest.mark.parametrize("name", GIFS)
def test_a_gif_is_decoded_alike(name):
    data = GIFS[name]
    all_of_them = all_frames()(tf.constant(data)).numpy()
    opened = open_gif_frames(data)
    np.testing.assert_array_equal(all_of_them, np.stack(gif_frames(opened, range(len(opened.frames)))))
    assert video_pixels(data) == all_of_them[..., 0].size
    both([data])
    if name != "transparent":  # on black here
        pillow = Image.open(io.BytesIO(data))
        for number, frame in enumerate(all_of_them):
            pillow.seek(number)
            np.testing.assert_array_equal(frame, np.asarray(pillow.convert("RGB")))


def refuses(action):
    try:
        action()
    except (ValueError, tf.errors.InvalidArgumentError):
        return True
    return False


@pytest.mark.parametrize("name", ["parts", "transparent"])
def test_a_gif_that_is_cut_is_refused_alike(name):
    data = GIFS[name]
    decode = all_frames()
    for end in [*range(6, len(data) - 1, 7), len(data) - 1]:
        cut = data[:end]
        assert refuses(lambda cut=cut: open_gif_frames(cut))
        assert refuses(lambda cut=cut: decode(tf.constant(cut)))
    damaged = 0
    for _ in range(60):
        changed = bytearray(data)
        changed[int(RANDOM.integers(13, len(data)))] = int(RANDOM.integers(256))
        changed = bytes(changed)
        without = refuses(lambda changed=changed: gif_frames(open_gif_frames(changed), [0]))
        within = refuses(lambda changed=changed: decode(tf.constant(changed)))
        damaged += without and within
        if not without and not within:
            opened = open_gif_frames(changed)
            np.testing.assert_array_equal(decode(changed), np.stack(gif_frames(opened, range(len(opened.frames)))))
    assert damaged > 5


def test_a_gif_whose_frames_would_be_disposed_of_is_refused():
    data = moving([ball(place, (200, 30, 90, 255), "RGBA") for place in (2, 20)], disposal=2)
    with pytest.raises(ValueError, match="disposed of"):
        open_gif_frames(data)
    with pytest.raises(tf.errors.InvalidArgumentError, match="disposed of"):
        gif_graph.decode_gif(tf.constant(data), 10**6)


def test_a_bomb_of_frames_is_refused_by_its_blocks():
    header = b"GIF89a" + (1000).to_bytes(2, "little") * 2 + b"\x80\0\0" + bytes(6)
    frame = b"," + bytes(4) + (1).to_bytes(2, "little") * 2 + b"\0\2\2\x44\1\0"
    many = header + frame * 60 + b";"
    assert len(many) < 1200
    assert video_pixels(many) == 60_000_000
    graph, without = decoders(4, (20, 24))
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 50000000 pixels together"):
        graph(tf.constant([[many]]))
    with pytest.raises(ValueError, match="Received 60 of width 1000"):
        without([[many]])


def test_a_gif_of_endless_blocks_is_not_walked_through(monkeypatch):
    for module in (gifs, gif_graph):
        monkeypatch.setattr(module, "MOST_BLOCKS", 50)
    data = GIFS["still"][:-1] + b"!\xfe" + b"\1x" * 60 + b"\0;"
    with pytest.raises(ValueError, match="at most 50 blocks"):
        open_gif_frames(data)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 50 blocks"):
        gif_graph.decode_gif(tf.constant(data), 10**6)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_pictures_are_frames(kind):
    files = [picture(frame, kind) for frame in NOISE]
    found = both(files)
    if kind != "JPEG":
        np.testing.assert_array_equal(found, NOISE[evenly(5, 4)])
    # Empty ones fill a batch up, and are none; few frames stay longer.
    np.testing.assert_array_equal(both([*files[:2], b"", b""]), both([files[0], files[0], files[1], files[1]]))


def test_nothing_is_absent():
    assert not both([b"", b""]).any()
    for value in (None, "", [], b""):
        assert mk.VideoModality(2).read(value) is None


def test_each_of_a_batch_is_decoded_on_its_own():
    graph, _ = decoders(4, (20, 24))
    raw = np.full((3, 5), b"", object)
    raw[0, 0], raw[1] = GIFS["parts"], [picture(frame) for frame in NOISE]
    together = graph(tf.constant(raw))[0].numpy()
    for row in range(3):
        np.testing.assert_array_equal(graph(tf.constant(raw[row : row + 1]))[0][0], together[row])


@pytest.mark.parametrize(
    "files", [[b"no picture"], [b"GIF89a"], [picture(NOISE[0]), b"no picture"], [GIFS["parts"][:-20]]]
)
def test_what_is_no_video_is_refused_alike(files):
    graph, without = decoders(4, (20, 24))
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(tf.constant([files]))
    with pytest.raises(ValueError, match=r"\."):
        without([files])


def test_large_frames_are_refused_alike():
    graph, without = decoders(4, (8, 8), max_pixels=4 * 20 * 24 - 1)
    files = [picture(frame) for frame in NOISE]
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 479"):
        graph(tf.constant([files]))
    with pytest.raises(ValueError, match="at most 479"):
        without([files])


def test_frames_are_the_middle_of_equal_parts():
    assert evenly(10, 5) == [1, 3, 5, 7, 9]
    assert evenly(3, 3) == [0, 1, 2]
    assert evenly(2, 4) == [0, 0, 1, 1]
    assert evenly(1, 3) == [0, 0, 0]


def test_a_folder_of_frames_is_read_in_natural_order(tmp_path):
    clip = tmp_path / "clip"
    clip.mkdir()
    for number in (2, 10, 1):
        (clip / f"frame{number}.png").write_bytes(picture(np.full((8, 8, 3), number, "uint8")))
    (clip / "notes.txt").write_text("no frame", encoding="utf-8")
    found = both(list(mk.VideoModality(3).read("clip", tmp_path)))
    assert found[:, 0, 0, 0].tolist() == [1, 2, 2, 10]
    # Only what is kept is read.
    assert len(mk.VideoModality(2).read("clip", tmp_path)) == 2
    assert len(mk.VideoModality(2).read(["clip/frame1.png", NOISE[0], picture(NOISE[1])], tmp_path)) == 2
    (tmp_path / "empty").mkdir()
    for value, message in (("empty", "has none"), ("nothing", "cannot be read"), ("clip/notes.txt", "file is .mp4")):
        with pytest.raises(ValueError, match=message):
            mk.VideoModality(2).read(value, tmp_path)
    with pytest.raises(ValueError, match="frames or its file"):
        mk.VideoModality(2).read(3)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A grey that becomes lighter, 30 frames as MPEG-4."""
    av = pytest.importorskip("av")
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(30):
            pixels = np.full((48, 64, 3), 8 * number, "uint8")
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def test_a_video_file_becomes_pictures(film):
    modality = mk.VideoModality(5, (24, 32))
    for value in (film.name, film.read_bytes()):
        files = modality.read(value, film.parent)
        assert len(files) == 5
        assert all(data[:3] == b"\xff\xd8\xff" for data in files)
        light = [np.asarray(Image.open(io.BytesIO(data))).mean() for data in files]
        np.testing.assert_allclose(light, [8 * place for place in evenly(30, 5)], atol=4)
    assert len(mk.VideoModality(50).read(film)) == 30


def test_a_file_that_is_no_video(tmp_path, film, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    (tmp_path / "b.mp4").write_bytes(film.read_bytes()[:300])
    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(ValueError, match="Send another one"):
            mk.VideoModality(2).read(name, tmp_path)
    (tmp_path / "c.mp4").write_bytes(b"")
    assert mk.VideoModality(2).read("c.mp4", tmp_path) is None
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"pip install 'multimodal-keras\[video\]'"):
        mk.VideoModality(2).read(film)


def test_whole_videos_are_mirrored_and_reversed_while_training_only():
    keras.utils.set_random_seed(1)
    modality = mk.VideoModality(3, (4, 5), flip=True, reverse=True)
    pixels = RANDOM.integers(0, 256, (1, 3, 4, 5, 3), "uint8").repeat(40, 0)
    calm = modality(pixels).numpy()
    np.testing.assert_allclose(calm, pixels / 255.0, rtol=1e-6)
    seen = modality(pixels, training=True).numpy()
    wanted = [calm[0][::step][:, :, ::side] for step in (1, -1) for side in (1, -1)]
    kinds = [next(kind for kind, one in enumerate(wanted) if np.array_equal(one, video)) for video in seen]
    assert set(kinds) == {0, 1, 2, 3}


def test_arguments_out_of_range():
    for options in ({"frames": 0}, {"size": (3,)}, {"size": (0, 3)}, {"resize": "zoom"}, {"max_pixels": 0}):
        with pytest.raises(ValueError, match="Received"):
            mk.VideoModality(**options)
    for encoder in (mk.FrameEncoder(), mk.Conv3DEncoder()):
        with pytest.raises(ValueError, match="takes videos"):
            encoder(np.zeros((1, 8, 8, 3), "float32"))


def test_a_frame_encoder_sees_the_order_of_frames():
    keras.utils.set_random_seed(1)
    encoder = mk.FrameEncoder(mk.Conv2DEncoder((4, 8)), "LSTMEncoder")
    videos = RANDOM.random((2, 4, 16, 16, 3)).astype("float32")
    tokens = encoder(videos).numpy()
    assert tokens.shape == (2, 4, 128)
    assert encoder.default_pooling == "last"
    # Of a sequence that begins alike, the first states are alike.
    changed = videos.copy()
    changed[:, 2:] = changed[:, :1]
    again = encoder(changed).numpy()
    np.testing.assert_allclose(again[:, :2], tokens[:, :2], atol=1e-6)
    assert np.abs(again[:, 3] - tokens[:, 3]).max() > 1e-4
