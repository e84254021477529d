"""What one TFLite file costs in a process of its own: the time of an answer, and the memory of the process.

python device_cost.py model.tflite examples.npz --count 100
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

WARM_UP = 5
SIGNATURE = "serving_default"


def answer_times(
    path: Path, examples: dict[str, np.ndarray], count: int, threads: int, signature: str
) -> dict[str, float]:
    """Median and 95th percentile of one call, in milliseconds, resetting included."""
    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner(signature)
    rows = len(next(iter(examples.values())))
    seconds = []
    for number in range(WARM_UP + count):
        row = number % rows
        inputs = {name: values[row : row + 1] for name, values in examples.items()}
        start = time.perf_counter()
        interpreter.reset_all_variables()
        run(**inputs)
        seconds.append(time.perf_counter() - start)
    middle, high = np.percentile(seconds[WARM_UP:], [50, 95]) * 1e3
    return {"p50_ms": round(float(middle), 4), "p95_ms": round(float(high), 4)}


def peak_memory() -> float | None:
    """The most memory that this process ever held, in megabytes; None where the system does not tell."""
    # Not `ru_maxrss`, which starts at what the parent process held.
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) * 1024 / 1e6 if lines else None


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("examples", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--signature", default=SIGNATURE)
    arguments = parser.parse_args()
    with np.load(arguments.examples) as kept:
        examples = dict(kept)
    asked = (arguments.model, examples, arguments.count)
    cost: dict[str, Any] = {"one_thread": answer_times(*asked, 1, arguments.signature)}
    cost["peak_memory_mb"] = peak_memory()
    cost["two_threads"] = answer_times(*asked, 2, arguments.signature)
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
