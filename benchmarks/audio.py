"""Spectra inside of the model against librosa in a loop, and what a phone waits for.

Both make 20 MFCC and their two derivatives of the same clips (noise and tones, 1 second at 16 kHz, windows of 32 ms each
10 ms). librosa is called for each clip, as pipelines do; the model for each clip, and for a batch. Then a whole model, from
waveform to probabilities, at batch 1 in LiteRT, one thread. What is printed are medians of one run, in which all take turns.

    python benchmarks/audio.py --rounds 5
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import librosa
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import multimodal_keras as mk
from multimodal_keras.exporting.tflite import write_tflite

RATE, CLIPS, CALLS = 16_000, 64, 200
GOAL, GOAL_MILLISECONDS, MOST = 5.0, 20.0, 1e-4
MODELS = {
    "spectrum alone (mean over frames)": lambda: mk.EmbeddingEncoder(),
    "Conv2D over the spectrum": lambda: mk.Conv2DEncoder((16, 32, 64)),
    "Conv1D over frames": lambda: mk.Conv1DEncoder(64, kernel_sizes=(3, 5)),
    "LSTM over frames": lambda: mk.LSTMEncoder(64),
}


def clips() -> np.ndarray:
    """`float32 (CLIPS, RATE)`."""
    random, seconds = np.random.default_rng(0), np.arange(RATE) / RATE
    tones = np.sin(2 * np.pi * random.uniform(100, 4000, (CLIPS, 1)) * seconds)
    return (0.3 * tones + random.normal(0, 0.03, (CLIPS, RATE))).astype(np.float32)


def with_librosa(waves: np.ndarray, options: dict) -> np.ndarray:
    found = []
    for wave in waves:
        mfcc = librosa.feature.mfcc(y=wave, n_mfcc=20, **options)
        found.append(np.concatenate([mfcc, *(librosa.feature.delta(mfcc, order=order) for order in (1, 2))]).T)
    return np.stack(found)


def seconds_of(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def spectra(rounds: int) -> list[str]:
    """Clips a second, and whether both are the same."""
    audio = mk.AudioModality(RATE, 1.0, features="mfcc", spectrum={"deltas": 2}, normalization=None)
    names = ("n_fft", "hop_length", "n_mels", "fmin", "fmax")
    options = {"sr": RATE, **{name: getattr(audio.spectrum, name) for name in names}}
    waves = clips()
    compiled = tf.function(lambda batch: audio(batch)[0])
    ours, theirs = compiled(waves).numpy(), with_librosa(waves, options)
    difference = float(abs(ours - theirs).max() / abs(theirs).max())
    ways = {
        "librosa in a loop": lambda: with_librosa(waves, options),
        "in the model, one by one": lambda: [compiled(wave[None]).numpy() for wave in waves],
        f"in the model, batch of {CLIPS}": lambda: compiled(waves).numpy(),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            taken[name].append(seconds_of(way))
    rates = {name: CLIPS / statistics.median(times[1:]) for name, times in taken.items()}
    base = rates["librosa in a loop"]
    lines = [f"{'20 MFCC, two derivatives, clips of 1 s':44}{'clips/s':>10}{'ratio':>8}"]
    lines += [f"{name:44}{rate:10.0f}{rate / base:8.1f}" for name, rate in rates.items()]
    ratio = max(rates.values()) / base
    lines.append(_verdict(ratio >= GOAL, f"{ratio:.1f} times librosa's clips a second (goal {GOAL:.0f})"))
    return [
        *lines,
        _verdict(difference <= MOST, f"{difference:.1e} of the largest value between both (goal {MOST:.0e})"),
        "",
    ]


def phone(rounds: int) -> list[str]:
    """Milliseconds from waveform to probabilities."""
    wave = clips()[:1]
    runners, sizes = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, encoder in MODELS.items():
            model = mk.build_model(
                {"sound": mk.AudioModality(RATE, 1.0, normalization="record")},
                {"label": mk.ClassificationHead(labels=[str(number) for number in range(10)])},
                encoders={"sound": encoder()},
            )
            path = Path(folder, f"{len(sizes)}.tflite")
            write_tflite(model, path)
            interpreter = Interpreter(str(path), num_threads=1)
            runners[name], sizes[name] = interpreter.get_signature_runner(), path.stat().st_size / 1024
        taken: dict[str, list[float]] = {name: [] for name in runners}
        for _ in range(rounds * CALLS // 10):
            for name, runner in runners.items():
                taken[name].append(seconds_of(lambda runner=runner: runner(sound=wave)))
    lines = [f"{'waveform of 1 s to probabilities, LiteRT':44}{'ms':>10}{'KB':>8}"]
    medians = {name: 1000 * statistics.median(times) for name, times in taken.items()}
    lines += [f"{name:44}{value:10.2f}{sizes[name]:8.0f}" for name, value in medians.items()]
    slowest = max(medians.values())
    return [
        *lines,
        _verdict(slowest <= GOAL_MILLISECONDS, f"{slowest:.1f} ms at most (goal {GOAL_MILLISECONDS:.0f} ms)"),
    ]


def _verdict(met: bool, text: str) -> str:
    return f"{'met   ' if met else 'MISSED'}  {text}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for measure in (spectra, phone):
        print("\n".join(measure(rounds)), flush=True)


if __name__ == "__main__":
    main()
