"""The first answer in a fresh process: the runtime with a TFLite file, against TensorFlow with the SavedModel.

The model is the demo's, over a title and a picture, untrained. Each process starts Python, imports, loads, decodes one real
record and answers it; processes alternate, and what is printed are medians. Files are in the disk's cache. The time is
the whole of it, from outside; the memory is the most that the process held, as Linux counts it.

    python benchmarks/runtime.py --rounds 5
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

GOALS = {"seconds": 0.8, "megabytes": 80.0}
OURS, SAVEDMODEL, BARE = "runtime, TFLite file", "runtime, SavedModel", "TensorFlow alone, SavedModel"

RUNTIME = """
import sys
from multimodal_keras import runtime
answer, = runtime.load(sys.argv[1]).predict([{"title": sys.argv[2], "image": sys.argv[3]}])
probability = answer["subject"]["probability"]
"""
TENSORFLOW = """
import sys
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
raw = {"title": tf.constant([sys.argv[2]]), "image": tf.constant([open(sys.argv[3], "rb").read()])}
probability = float(loaded.signatures["serving_default"](**raw)["subject"].numpy().max())
"""
REPORT = """
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(probability, int(peak.split()[1]) / 1024)
"""


def prepare(folder: Path) -> tuple[Path, list[str]]:
    """Export the demo's model; returns where to, and a record's title and picture."""
    import multimodal_keras as mk
    from multimodal_keras.cli.demo import demo_model

    records = mk.data.clipart()
    model = demo_model(("image", "title"), records.where(split="train"))
    exported = mk.export(model, folder / "clipart" / "1", sample=records.where(split="test"), sample_size=16).folder
    record = next(iter(records.where(split="test")))
    return exported, [record["title"], str(records.folder / record["image"])]


def first_answer(code: str, model: Path, record: list[str]) -> tuple[float, float, float]:
    """Seconds, megabytes, and the highest probability, to see that all answer the same."""
    start = time.perf_counter()
    command = [sys.executable, "-c", code + REPORT, str(model), *record]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    probability, megabytes = map(float, done.stdout.split())
    return time.perf_counter() - start, megabytes, probability


def measure(folder: Path, rounds: int) -> dict[str, tuple[float, float, float]]:
    exported, record = prepare(folder)
    ways = {
        OURS: (RUNTIME, exported / "model.tflite"),
        SAVEDMODEL: (RUNTIME, exported),
        BARE: (TENSORFLOW, exported),
    }
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, (code, model) in ways.items():
            rows[name].append(first_answer(code, model, record))
    # The first round fills the disk's cache.
    return {name: tuple(map(statistics.median, zip(*taken[1:], strict=True))) for name, taken in rows.items()}


def report(table: dict[str, tuple[float, float, float]]) -> str:
    lines = [f"{'first answer in a fresh process':34}{'seconds':>10}{'MB':>10}{'ratio':>8}"]
    for name, (seconds, megabytes, _) in table.items():
        lines.append(f"{name:34}{seconds:10.2f}{megabytes:10.0f}{seconds / table[OURS][0]:8.1f}")
    seconds, megabytes, _ = table[OURS]
    answers = [probability for _, _, probability in table.values()]
    difference = max(answers) - min(answers)
    goals = [
        (seconds < GOALS["seconds"], f"{seconds:.2f} s to the first answer (goal {GOALS['seconds']} s)"),
        (megabytes < GOALS["megabytes"], f"{megabytes:.0f} MB at most (goal {GOALS['megabytes']:.0f} MB)"),
        (difference < 1e-4, f"{difference:.1e} between the answers (goal 1e-4)"),
    ]
    return "\n".join([*lines, "", *(f"{'met   ' if met else 'MISSED'}  {text}" for met, text in goals)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    with tempfile.TemporaryDirectory() as folder:
        print(report(measure(Path(folder), parser.parse_args().rounds)))


if __name__ == "__main__":
    main()
