"""Sounds are decoded alike with and without TensorFlow, and refused alike."""

from __future__ import annotations

import io
import math

import numpy as np
import odd_sounds
import pytest
import soundfile
import tensorflow as tf
from odd_sounds import WAVE, wav
from scipy.signal import resample_poly

from multimodal_keras.modalities import audio_graph
from multimodal_keras.runtime.audio import decode_sound, sound_seconds
from multimodal_keras.runtime.reasons import own_sentence
from multimodal_keras.runtime.wav import wav_header

MOST = 1e-6
ACCEPTED, REFUSED = odd_sounds.accepted(), odd_sounds.refused()


@pytest.fixture(scope="module")
def in_graph():
    """Compiled once for each request."""
    made = {}

    def decode(data, *request):
        if request not in made:
            made[request] = tf.function(
                lambda value: audio_graph.decode_sound(value, *request), input_signature=[tf.TensorSpec([], tf.string)]
            )
        return made[request](tf.constant(data)).numpy()

    return decode


@pytest.mark.parametrize(
    ("goal", "samples", "crop"),
    [(16_000, 700, "middle"), (16_000, 1, "start"), (8000, 9000, "middle"), (22_050, 700, "start")],
)
def test_both_sides_give_the_same_samples(in_graph, goal, samples, crop):
    for name, data in {**ACCEPTED, "absent": b""}.items():
        request = (goal, samples, crop, 3.0)
        expected = decode_sound(data, *request)
        assert expected.shape == (samples,)
        assert np.isfinite(expected).all()
        assert abs(expected).max() <= 1, name
        assert abs(in_graph(data, *request) - expected).max() <= MOST, name


def test_both_sides_refuse_the_same(in_graph):
    for name, data in REFUSED.items():
        with pytest.raises(ValueError, match=r"must (be|have|not)") as plain:
            decode_sound(data, 16_000, 700, "middle", 3.0)
        with pytest.raises(tf.errors.InvalidArgumentError) as graph:
            in_graph(data, 16_000, 700, "middle", 3.0)
        sentence = own_sentence(graph.value)
        rule = str(plain.value).split(" Received")[0]
        assert sentence is not None, name
        assert sentence.startswith(rule), (name, sentence, str(plain.value))


def test_damaged_files_are_treated_alike(in_graph):
    random, request = np.random.default_rng(8), (16_000, 700, "middle", 3.0)
    files = list(ACCEPTED.values())
    verdicts = set()
    for number in range(400):
        data = bytearray(files[number % len(files)])
        for _ in range(random.integers(1, 4)):
            data[random.integers(0, min(64, len(data)))] = random.choice([0, 1, 2, 16, 127, 128, 255])
        data = bytes(data[: random.integers(1, len(data))]) if number % 3 == 0 else bytes(data)
        try:
            expected = decode_sound(data, *request)
        except ValueError:
            expected = None
        verdicts.add(expected is None)
        if expected is None:
            with pytest.raises(tf.errors.InvalidArgumentError):
                in_graph(data, *request)
        else:
            assert abs(in_graph(data, *request) - expected).max() <= MOST
    assert verdicts == {True, False}


# soundfile does not clip, needs the file's size and ends with it, takes one format chunk, and looks at fewer chunks.
NOT_SOUNDFILES = (
    *("streaming", "size of the file", "full scale", "extremes"),
    *("63 chunks", "two format chunks", "bytes behind the end"),
)


def test_samples_are_those_that_soundfile_reads(tmp_path):
    for name, data in ACCEPTED.items():
        if any(word in name for word in NOT_SOUNDFILES):
            continue
        path = tmp_path / "a.wav"
        path.write_bytes(data)
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        found = decode_sound(data, rate, len(samples), "start", 3.0)
        np.testing.assert_allclose(found, samples.mean(axis=1), atol=2e-7, err_msg=name)


@pytest.mark.parametrize(("rate", "goal"), [(44_100, 16_000), (8000, 16_000), (11_025, 22_050), (48_000, 8000)])
def test_resampling_is_scipys_with_this_filter(rate, goal):
    common = math.gcd(rate, goal)
    up, down = goal // common, rate // common
    wide = max(up, down)
    kernel = np.kaiser(32 * wide + 1, 8.6) * np.sinc(np.arange(-16 * wide, 16 * wide + 1) / wide) / wide
    expected = np.clip(resample_poly(WAVE, up, down, window=kernel), -1, 1)
    found = decode_sound(wav(WAVE, 3, 64, rate), goal, len(expected), "start")
    assert abs(found - expected).max() < MOST
    # A part of it is the same as the whole, and what is behind the end is zeros.
    middle = decode_sound(wav(WAVE, 3, 64, rate), goal, 301, "middle")
    first = (len(expected) - 301) // 2
    assert abs(middle - expected[first : first + 301]).max() < MOST
    longer = decode_sound(wav(WAVE, 3, 64, rate), goal, len(expected) + 99, "middle")
    assert abs(longer[: len(expected)] - expected).max() < MOST
    assert not longer[len(expected) :].any()


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 96_000])
def test_a_tone_stays_a_tone(rate):
    time = np.arange(rate // 4) / rate
    found = decode_sound(wav(0.5 * np.sin(2 * np.pi * 440 * time), 3, 64, rate), 16_000, 4000)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 16_000)
    assert abs(found - expected)[200:-200].max() < 1e-4


def test_what_a_sound_costs_is_read_from_its_header():
    assert sound_seconds(wav(np.zeros(odd_sounds.RATE * 3 + 1))) == 4
    assert wav_header(ACCEPTED["3-64 bits stereo"])[:3] == (odd_sounds.RATE, 2, 5)
    flac = io.BytesIO()
    soundfile.write(flac, np.zeros(12_001), 8000, format="FLAC")
    assert sound_seconds(flac.getvalue(), compressed=True) == 2
    # Where it is not taken, no other library gets to see it.
    with pytest.raises(ValueError, match="must be a WAV file"):
        sound_seconds(flac.getvalue())
    # Of an hour that is cut to a second, a second is read.
    assert decode_sound(wav(np.zeros(10_000_000), bits=8), 8000, 8000, max_seconds=3600.0).shape == (8000,)
