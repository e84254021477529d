"""Servers as processes: start one, wait until it is ready, read its memory, stop or kill it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY_SECONDS = 300
_PAUSE = 0.05
_OURS = "import multimodal_keras as mk; mk.serving.serve({path!r}, port={port}, **{options!r})"


class Server:
    """A server's process on a free port of 127.0.0.1.

    Args:
        code: of Python, which serves at `{port}`.
        log: a file for what it writes; None throws that away.

    Attributes:
        port: its number.
        ready_seconds: from the start until it said that it is ready.
        process: itself.
    """

    def __init__(self, code: str, port: int | None = None, log: Path | None = None) -> None:
        self.port = port or free_port()
        start = time.monotonic()
        with open(log or os.devnull, "ab") as output:
            command = [sys.executable, "-c", code.replace("{port}", str(self.port))]
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        while not is_ready(self.port):
            if self.process.poll() is not None or time.monotonic() > start + READY_SECONDS:
                self.kill()
                raise SystemExit(f"A server did not start: {code}")
            time.sleep(_PAUSE)
        self.ready_seconds = time.monotonic() - start

    def memory(self) -> float:
        """Megabytes that are resident now."""
        return self._status("VmRSS")

    def peak_memory(self) -> float:
        """Megabytes that were resident at most."""
        return self._status("VmHWM")

    def _status(self, name: str) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024

    def kill(self) -> None:
        """At once, as kill -9 does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As an operator does; returns the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9


def serving_code(path: Path, **options: object) -> str:
    """The code that serves an exported model, or a folder of its versions."""
    return _OURS.replace("{path!r}", repr(str(path))).replace("{options!r}", repr(options))


@contextmanager
def running(code: str, log: Path | None = None) -> Iterator[Server]:
    """A server for the time of a `with` block."""
    server = Server(code, log=log)
    try:
        yield server
    finally:
        server.stop()


class MemoryWatch:
    """Reads a server's memory again and again, in a thread, for the time of a `with` block.

    Attributes:
        samples: seconds since the begin, and megabytes.
    """

    def __init__(self, server: Server, pause: float = 0.25) -> None:
        self._server, self._pause, self._over = server, pause, threading.Event()
        self.samples: list[tuple[float, float]] = []

    def __enter__(self) -> MemoryWatch:
        self._start = time.monotonic()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while self._server.process.poll() is None:
            self.samples.append((time.monotonic() - self._start, self._server.memory()))
            if self._over.wait(self._pause):
                return


def free_port() -> int:
    """A number that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def is_ready(port: int) -> bool:
    """Whether `GET /readyz` is answered by 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
