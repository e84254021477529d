"""Each noise does what its strength says, is the same for the same seed, and never turns a value into a missing one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from multimodal_keras.perturbing import NOISES, Noise, register_noise
from multimodal_keras.runtime.raw import is_absent
from multimodal_keras.runtime.sound_files import wav_bytes
from multimodal_keras.runtime.wav import wav_header, wav_samples

_shades = np.linspace(0, 255, 32 * 24 * 3).reshape(24, 32, 3).astype("uint8")
_file = io.BytesIO()
Image.fromarray(_shades).save(_file, "PNG")
VALUES = {
    "text": b"the quick brown fox jumps over the lazy dog and runs far away",
    "image": _file.getvalue(),
    "tabular": np.array([b"1.5", b"Paris", b"", b"true"], object),
    "timeseries": np.arange(40, dtype="float32").reshape(20, 2),
    "audio": wav_bytes(np.sin(np.arange(800) / 5).astype("float32") / 2, 8000),
    "pointcloud": np.random.default_rng(0).normal(size=(30, 3)).astype("float32"),
    "sequence": b"ACGTTGCAACGT",
    "embedding": np.arange(8, dtype="float32"),
}
EVERY = [(kind, name) for kind in VALUES for name in sorted(NOISES[kind])]


def apply(kind, name, strength, seed=0, value=None):
    return NOISES[kind][name].apply(VALUES[kind] if value is None else value, strength, np.random.default_rng(seed))


def pixels(raw):
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"), "float64")


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_noise_is_seeded_and_leaves_a_value(kind, name):
    for strength in (0.1, 1.0):
        one, same = apply(kind, name, strength), apply(kind, name, strength)
        np.testing.assert_array_equal(one, same)
        assert not is_absent(one)
    assert np.any(np.asarray(apply(kind, name, 1.0)) != np.asarray(VALUES[kind]))


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_noise_never_changes_what_it_was_given(kind, name):
    before = VALUES[kind] if isinstance(VALUES[kind], bytes) else VALUES[kind].copy()
    apply(kind, name, 0.7)
    np.testing.assert_array_equal(VALUES[kind], before)


@pytest.mark.parametrize("value", ["a", "猫", "猫在跑", "!!", "a b"])
@pytest.mark.parametrize("name", sorted(NOISES["text"]))
def test_short_texts_and_other_scripts(name, value):
    for seed in range(20):
        noisy = apply("text", name, 1.0, seed, value.encode())
        assert noisy
        noisy.decode("utf-8")


def test_words_that_are_lost_and_moved():
    words = VALUES["text"].decode().split()
    kept = apply("text", "word_drop", 0.5).decode().split()
    assert 2 <= len(kept) < len(words)
    assert [word for word in words if word in kept] == kept
    assert len(apply("text", "word_drop", 1.0).decode().split()) == 1
    moved = apply("text", "word_swap", 1.0).decode().split()
    assert sorted(moved) == sorted(words)
    assert moved != words


def test_pictures_lose_what_the_strength_says():
    clean = pixels(VALUES["image"])
    covered = pixels(apply("image", "occlusion", 0.25))
    assert np.mean((covered == 127).all(axis=-1)) == pytest.approx(0.25, abs=0.03)
    assert (pixels(apply("image", "occlusion", 1.0)) == 127).all()
    assert abs(np.corrcoef(clean.ravel(), pixels(apply("image", "mixed", 1.0)).ravel())[0, 1]) < 0.1
    assert np.corrcoef(clean.ravel(), pixels(apply("image", "mixed", 0.1)).ravel())[0, 1] > 0.9
    assert pixels(apply("image", "blur", 1.0)).std() < clean.std()
    small, large = (len(apply("image", "jpeg", strength)) for strength in (1.0, 0.01))
    assert small < large


def test_transparent_pictures_are_on_white():
    file = io.BytesIO()
    Image.new("RGBA", (8, 8), (200, 0, 0, 0)).save(file, "PNG")
    assert pixels(apply("image", "blur", 0.1, value=file.getvalue())).min() == 255


def test_gaps_and_cells():
    series = apply("timeseries", "gaps", 0.5)
    gone = np.isnan(series).all(axis=1)
    assert gone.sum() == 10
    assert np.diff(np.flatnonzero(gone)).tolist() == [1] * 9
    assert np.isnan(apply("timeseries", "gaps", 1.0)).all(axis=1).sum() == 19
    assert [len(cell) > 0 for cell in apply("tabular", "missing_cells", 1.0)].count(True) == 1


def test_hiss_is_as_loud_as_the_ratio_says_and_bands_are_gone():
    def samples(raw):
        return wav_samples(raw, wav_header(raw), 0, wav_header(raw).frames)

    clean = samples(VALUES["audio"])
    added = samples(apply("audio", "hiss", 0.4)) - clean
    ratio = 10 * np.log10(np.mean(clean**2) / np.mean(added**2))
    assert ratio == pytest.approx(20, abs=1)
    lost = np.abs(np.fft.rfft(samples(apply("audio", "band_loss", 0.5))))
    assert np.mean(lost < 1e-4) >= 0.49
    assert wav_header(apply("audio", "hiss", 1.0)).rate == 8000


def test_a_noise_is_registered_once():
    mine = Noise("test_only", "embedding", "nothing", lambda raw, strength, random: raw)
    try:
        assert register_noise(mine) is mine
        with pytest.raises(ValueError, match="taken once for each kind"):
            register_noise(Noise("test_only", "embedding", "other", mine.apply))
    finally:
        NOISES["embedding"].pop("test_only")
