"""Spectra are librosa's, whatever stands beside a sound; augmentation is for training, and for each record on its own."""

from __future__ import annotations

import keras
import librosa
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from odd_sounds import wav

import multimodal_keras as mk

RATE = 8000
TIME = np.arange(RATE // 4) / RATE
TONE = np.sin(2 * np.pi * 440 * TIME).astype("float32")


def small(**arguments):
    return mk.AudioModality(RATE, 0.25, **{"normalization": None, "spectrum": {"n_mels": 16}, **arguments})


def sounds(rate):
    """A second of a tone, a loud noise, silence, a short tone, and clipping."""
    time = np.arange(rate) / rate
    random = np.random.default_rng(rate)
    waves = [
        0.5 * np.sin(2 * np.pi * 440 * time),
        random.normal(0, 0.1, rate),
        np.zeros(rate),
        np.where(time < 0.3, np.sin(2 * np.pi * rate / 10 * time), 0),
        np.clip(random.normal(0, 2, rate), -1, 1),
    ]
    return np.stack(waves).astype("float32")


def options(modality):
    spectrum = modality.spectrum
    names = ("n_fft", "win_length", "hop_length", "n_mels", "fmin", "fmax", "htk")
    return {"sr": modality.sampling_rate, **{name: getattr(spectrum, name) for name in names}}


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("spectrum", [{}, {"htk": True, "fmin": 50.0, "fmax": 3000.0, "n_mels": 24, "hop_length": 177}])
def test_spectra_are_librosas(rate, spectrum):
    waves = sounds(rate)
    log_mel = mk.AudioModality(rate, 1.0, spectrum=spectrum, normalization=None)
    mfcc = mk.AudioModality(rate, 1.0, features="mfcc", spectrum={"deltas": 2, **spectrum}, normalization=None)
    found, cepstra = log_mel(waves)[0].numpy(), mfcc(waves)[0].numpy()
    for row, wave in enumerate(waves):
        power = librosa.feature.melspectrogram(y=wave, **options(log_mel))
        decibels = librosa.power_to_db(power)
        assert found[row].shape == decibels.T.shape
        floored = 10.0 ** (decibels.T / 10)
        assert abs(10.0 ** (found[row] / 10) - floored).max() <= 1e-5 * floored.max()
        # A tone is 80 dB above what is left in float32 far from it.
        assert abs(found[row] - decibels.T).max() <= 3e-3
        expected = librosa.feature.mfcc(y=wave, n_mfcc=20, **options(mfcc))
        slopes = [librosa.feature.delta(expected, order=order) for order in (1, 2)]
        expected = np.concatenate([expected, *slopes]).T
        assert abs(cepstra[row] - expected).max() <= 1e-5 * abs(expected).max()


def test_a_shorter_window_is_librosas():
    modality = mk.AudioModality(16_000, 1.0, spectrum={"n_fft": 512, "win_length": 401}, normalization=None)
    wave = sounds(16_000)[1]
    expected = librosa.power_to_db(librosa.feature.melspectrogram(y=wave, **options(modality))).T
    np.testing.assert_allclose(modality(wave[None])[0][0], expected, atol=1e-3)


def test_a_loud_neighbour_changes_nothing():
    modality = small()
    quiet, loud = 1e-4 * TONE, TONE
    np.testing.assert_array_equal(modality(np.stack([quiet, loud]))[0][0], modality(quiet[None])[0][0])


def test_what_fills_up_does_not_count():
    modality = small()
    short = np.where(np.arange(len(TONE)) < 801, TONE, 0)[None]
    assert modality(short)[1].numpy().sum() == 11
    assert modality(np.zeros_like(short))[1].numpy().tolist() == [[True] + [False] * 25]
    tensor, present = modality.decode([wav(np.full(801, 0.5), rate=RATE), b""])
    assert present.numpy().tolist() == [True, False]
    assert modality(tensor)[1].numpy().sum(axis=1).tolist() == [11, 1]


def test_normalization():
    record = small(normalization="record")
    waves = np.stack([TONE, np.where(TIME < 0.1, TONE, 0), np.zeros_like(TONE)])
    frames, mask = (part.numpy() for part in record(waves))
    for row in (0, 1):
        kept = frames[row][mask[row]]
        np.testing.assert_allclose(kept.mean(axis=0), 0, atol=1e-3)
        np.testing.assert_allclose(kept.std(axis=0), 1, atol=1e-2)
    assert not frames[2].any()
    adapted = small(normalization="adapt")
    assert not adapted.is_adapted
    raw = [adapted.read((wave, RATE)) for wave in waves]
    adapted.adapt([*raw, b""])
    frames, mask = (part.numpy() for part in adapted(waves))
    np.testing.assert_allclose(frames[mask].mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(frames[mask].std(axis=0), 1, atol=1e-3)
    again = mk.AudioModality.from_config(adapted.get_config())
    np.testing.assert_array_equal(again(waves)[0], frames)
    with pytest.raises(ValueError, match="at least one sound"):
        small(normalization="adapt").adapt([b""])
    with pytest.raises(ValueError, match="has to learn first"):
        small(normalization="adapt")(waves)


@pytest.mark.parametrize(
    "augmentation",
    [
        {"snr_db": (5, 10)},
        {"shift_seconds": 0.05},
        {"gain_db": 6},
        {"time_masks": 2, "time_mask_frames": 9},
        {"frequency_masks": 2, "frequency_mask_bands": 9},
    ],
)
def test_augmentation_is_for_training_and_for_each_record(augmentation):
    modality = small(augmentation={"seed": 1, **augmentation})
    waves = np.stack([TONE, TONE, np.zeros_like(TONE)])
    plain = modality(waves)[0].numpy()
    np.testing.assert_array_equal(plain, small()(waves)[0])
    one = modality(waves, training=True)[0].numpy()
    assert np.isfinite(one).all()
    assert abs(one[0] - plain[0]).max() > 0.1
    assert abs(one[0] - one[1]).max() > 0.1
    np.testing.assert_array_equal(one[2], plain[2])  # nothing comes out of silence
    again = small(augmentation={"seed": 1, **augmentation})
    np.testing.assert_array_equal(again(waves, training=True)[0], one)
    assert abs(modality(waves, training=True)[0].numpy() - one).max() > 0.1


def test_noise_has_the_wanted_loudness_and_shifts_move():
    modality = small(augmentation={"snr_db": (10, 10), "seed": 2})
    wave = np.repeat(0.1 * TONE[None], 20, axis=0)
    noise = modality._augmenter.louder_and_noisy(tf.constant(wave)).numpy() - wave
    assert 10 * np.log10(np.mean(wave**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.2)
    moved = small(augmentation={"shift_seconds": 0.01, "seed": 2})._augmenter.shifted(tf.constant(wave)).numpy()
    distances = set()
    for row in moved:
        padded = np.pad(wave[0], 80)
        distances |= {shift - 80 for shift in range(161) if np.array_equal(padded[shift : shift + len(row)], row)}
    assert min(distances) < 0 < max(distances)


def test_mixed_precision_hears_all_bits():
    waves = np.stack([1e-3 * TONE, 0.3 * TONE])
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        modality = small(normalization="record")
        model = mk.build_model({"sound": modality}, {"task": mk.RegressionHead(mean=0.0, deviation=1.0)})
        frames = modality(waves)[0]
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert frames.dtype == "float16"
    np.testing.assert_allclose(frames, small(normalization="record")(waves)[0], atol=4e-3)
    assert model({"sound": waves})["task"].dtype == "float32"


def test_records_hold_paths_bytes_and_samples(tmp_path):
    modality = small()
    (tmp_path / "a.wav").write_bytes(wav(TONE, rate=RATE))
    stereo = np.stack([TONE, TONE], axis=1)
    values = ["a.wav", wav(TONE, rate=RATE), (TONE, RATE), (stereo, RATE), ((TONE * 32767).astype("int16"), RATE)]
    for suffix in ("flac", "ogg", "mp3"):
        soundfile.write(tmp_path / f"a.{suffix}", TONE, RATE)
        values.append(f"a.{suffix}")
    decoded = modality.decode([modality.read(value, tmp_path) for value in values])[0].numpy()
    for value, found in zip(values, decoded, strict=True):
        lossy = isinstance(value, str) and value.endswith(("ogg", "mp3"))
        assert np.corrcoef(found, TONE)[0, 1] > (0.9 if lossy else 0.999999), value
    assert [modality.read(value) for value in (None, "", b"", float("nan"))] == [b""] * 4
    for wrong, sentence in [
        (TONE, "says? its rate|does not say its rate"),
        ((TONE, 8000.5), "whole"),
        ((TONE.astype("int32"), RATE), "Convert it"),
        ((TONE[None, None], RATE), "Convert it"),
        (5, "a pair"),
        ("none.wav", "cannot be read"),
        (b"fLaC broken", "whole and of a known format"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            modality.read(wrong, tmp_path)


def test_compressed_sounds_need_soundfile(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(ValueError, match=r"pip install 'multimodal-keras\[audio\]'"):
        small().read(b"fLaC")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"crop": "end"}, "crop is one of"),
        ({"features": "chroma"}, "features is one of"),
        ({"max_seconds": 0}, "are positive"),
        ({"spectrum": {"n_fft": 400}}, "power of two"),
        ({"spectrum": {"fmax": 9000.0}}, "fmin < fmax"),
        ({"spectrum": {"n_mfcc": 99}}, "n_mfcc is 1 to n_mels"),
        ({"spectrum": {"window": "hamming"}}, "has the options n_fft"),
        ({"spectrum": {"deltas": 1, "hop_length": 800}}, "nine frames"),
        ({"augmentation": {"noise": 1}}, "has the options snr_db"),
        ({"augmentation": {"snr_db": (20, 10)}}, "lowest, highest"),
        ({"normalization": "batch"}, "normalization is"),
        ({"normalization": {"mean": [0.0], "deviation": [1.0]}}, "16 numbers each"),
    ],
)
def test_wrong_arguments(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        small(**arguments)
