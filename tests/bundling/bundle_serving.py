"""A bundle and where our own loader serves it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multimodal_keras.runtime.artefacts import SavedModelArtefact

SECONDS = 120
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "no_proxy": "*", "NO_PROXY": "*"}


@dataclass(frozen=True)
class Served:
    """A bundle, the SavedModel in it, and the address where our loader serves it."""

    folder: Path
    saved: SavedModelArtefact
    url: str


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "multimodal_keras", "serve", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + SECONDS
        while not listens(port):
            assert process.poll() is None, "the server stopped"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(SECONDS)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
