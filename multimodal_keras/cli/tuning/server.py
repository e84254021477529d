"""A server of our own, in a process that ends with the block."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from multimodal_keras.cli.tuning.settings import Setting, write_tuning

START_SECONDS, STOP_SECONDS = 300, 15
_POLL_SECONDS = 0.1


@contextmanager
def running(model: Path, setting: Setting) -> Iterator[int]:
    """Serve a model on this machine only, and yield the port.

    Raises:
        ValueError: if the server does not start.
    """
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("w+b") as log:
        tuning = Path(folder, "tuning.json")
        write_tuning(tuning, setting, {})
        port = _free_port()
        command = [sys.executable, "-m", "multimodal_keras", "serve", str(model), "--port", str(port)]
        process = subprocess.Popen([*command, "--tuning", str(tuning)], stdout=log, stderr=log)
        try:
            _wait(process, port, Path(folder, "log"))
            yield port
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(port):
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines() or ["nothing"]
            raise ValueError(f"A server is measured that starts. Received one that does not, and says: {lines[-1]}")
        time.sleep(_POLL_SECONDS)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
