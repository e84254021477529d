"""Run one of this package's programs in a process of its own, which may be killed without harm to this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class CrashError(RuntimeError):
    """The other process did not end well. Its text is the process's last words."""


def save_examples(path: Path, examples: Mapping[str, np.ndarray]) -> None:
    """Keep inputs for a program: name to `(records, ...)`."""
    arrays: Any = dict(examples)
    np.savez(path, **arrays)


def run_alone(program: str, *arguments: str | Path) -> str:
    """Run a program of this folder, and return what it printed.

    Args:
        program: file name, such as `device_cost.py`. It imports nothing of this package, so that it starts without
            TensorFlow.
        *arguments: for its command line.

    Returns:
        Its standard output.

    Raises:
        CrashError: if it was killed, or ended with an error.
    """
    command = [sys.executable, str(Path(__file__).parent / program), *map(str, arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode < 0:
        raise CrashError(f"killed by {signal.Signals(-result.returncode).name}")
    if result.returncode:
        raise CrashError((result.stderr.strip().splitlines() or ["no message"])[-1][:300])
    return result.stdout
