"""The `[io]` extra: tensorflow-io beside the oldest TensorFlow decodes FLAC, Ogg and MP3 in the graph."""

import importlib.util
import io
import json

import numpy as np
import pytest
import tensorflow as tf

import multimodal_keras as mk
from multimodal_keras.modalities.audio_graph import decode_sounds
from multimodal_keras.runtime.artefacts import load
from multimodal_keras.runtime.audio import decode_sound, sound_seconds
from multimodal_keras.runtime.sound_files import wav_bytes, wav_of

HERE = importlib.util.find_spec("tensorflow_io") is not None
here = pytest.mark.skipif(not HERE, reason="only the [io] extra has it, beside TensorFlow 2.16")
RATE, SECONDS = 22_050, 1.5
KINDS = {"FLAC": "PCM_16", "flac": "PCM_24", "OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}


def sound(kind, subtype=None, seconds=SECONDS, rate=RATE, number=1):
    soundfile = pytest.importorskip("soundfile")
    time = np.arange(round(rate * seconds)) / rate
    left = 0.4 * np.sin(2 * np.pi * 220 * number * time) * (1 + time)
    file = io.BytesIO()
    soundfile.write(file, np.stack([left, left / 3], 1), rate, format=kind.upper(), subtype=subtype or KINDS[kind])
    return file.getvalue()


@pytest.fixture(scope="module")
def decode():
    """The graph, once, with a limit of two seconds."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def run(raw):
        return decode_sounds(raw, 16_000, 16_000, "middle", 2.0, True)

    return lambda *files: run(tf.constant(files)).numpy()


@here
@pytest.mark.oldest
@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_hears_what_soundfile_reads(decode, kind):
    data = sound(kind)
    [found] = decode(data)
    np.testing.assert_allclose(found, decode_sound(wav_of(data, 2.0), 16_000, 16_000), atol=2e-6)
    assert np.abs(found).max() > 0.2
    assert sound_seconds(data, compressed=True) == 2


@here
@pytest.mark.oldest
def test_wav_nothing_and_tags_are_among_them(decode):
    wav = wav_bytes(np.sin(np.arange(8000) / 9).astype("float32"), 8000)
    mp3 = sound("MP3")
    tagged = b"ID3\x04\0\0\0\0\x01\x00" + bytes(128) + mp3
    found = decode(wav, b"", tagged, mp3)
    np.testing.assert_allclose(found[0], decode_sound(wav, 16_000, 16_000), atol=1e-6)
    assert not found[1].any()
    np.testing.assert_array_equal(found[2], found[3])


def damaged():
    ogg, mp3 = sound("OGG"), sound("MP3")
    yield sound("FLAC")[:3000], "unable to read|complete"
    yield sound("FLAC", "PCM_S8"), "16 or 24 bits"
    yield sound("OGG", "OPUS", rate=48_000), "another sound"
    yield b"\xff\xff" + mp3[2:], "first frame"
    yield b"fLaC", "does not tell its length|16 or 24 bits"
    yield b"OggS", "another sound"
    yield b"ID3", "first frame"
    for kind in KINDS:
        yield sound(kind, seconds=2.5), "at most|seconds"
    yield sound("OGG", seconds=30) + b"OggS" + bytes(20), "seconds"
    yield ogg[: len(ogg) // 2], "complete|could not|read"
    yield mp3[: len(mp3) // 2], "complete|read"


@here
@pytest.mark.oldest
def test_what_cannot_be_decoded_is_refused(decode):
    for data, match in damaged():
        with pytest.raises(tf.errors.OpError, match=match):
            decode(data)


@here
@pytest.mark.oldest
def test_a_model_takes_them_everywhere(tmp_path):
    kinds = ["FLAC", "OGG", "MP3", "flac"]
    records = []
    for number in range(8):
        path = tmp_path / f"{number}.{kinds[number % 4].lower()}"
        path.write_bytes(sound(kinds[number % 4], number=1 + number % 2))
        records.append({"clip": path.name, "pitch": "high" if number % 2 else "low"})
    records = mk.data.Records.of(records, folder=tmp_path)
    model = mk.build_model(
        {"clip": mk.AudioModality(8000, 0.5, compressed=True, optional=True)},
        {"pitch": mk.ClassificationHead()},
        encoders={"clip": mk.Conv2DEncoder((4,))},
        adapt_to=records,
    )
    exported = mk.export(model, tmp_path / "1", sample=records)
    assert all(row.get("passed", True) for row in exported.parity["rows"])
    answers = [mk.predict(source, records) for source in (model, tmp_path / "1", tmp_path / "1" / "model.tflite")]
    for other in answers[1:]:
        for one, two in zip(answers[0], other, strict=True):
            assert one["pitch"]["label"] == two["pitch"]["label"]
    with pytest.raises(ValueError, match="TensorFlow Serving has no ops"):
        mk.bundle(tmp_path / "1", tmp_path / "bundle")


@pytest.mark.skipif(HERE, reason="for where tensorflow-io is not")
def test_without_the_extra_there_is_one_clear_error(tmp_path):
    audio = mk.AudioModality(8000, 0.5, compressed=True, normalization=None)
    with pytest.raises(ValueError, match=r"multimodal-keras\[io\]"):
        audio.decode(tf.constant([b""]))
    facts = {"modalities": {"clip": {"compressed": True}}, "signatures": {}, "format": 1}
    (tmp_path / "contract.json").write_text(json.dumps(facts))
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match=r"multimodal-keras\[io\]"):
        load(tmp_path)
