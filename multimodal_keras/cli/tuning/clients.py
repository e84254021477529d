"""Clients that ask a server, each as soon as it has its last answer."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

_REQUEST_SECONDS = 60
# A client that was told to come again later does, but soon.
_AGAIN_SECONDS = 0.02
_HEADERS = {"Content-Type": "application/json"}


@dataclass
class Load:
    """What came back.

    Attributes:
        seconds: of each request that was answered.
        busy: requests that got 503.
        errors: requests that got anything else, or nothing.
        elapsed: seconds from the first request to the last answer.
    """

    seconds: list[float] = field(default_factory=list)
    busy: int = 0
    errors: int = 0
    elapsed: float = 0.0

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return len(self.seconds) / self.elapsed if self.elapsed else 0.0

    def quantile(self, share: float) -> float:
        """Of the seconds; NaN if nothing was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def ask(port: int, bodies: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Ask `POST /predict` on this machine.

    Args:
        port: of the server.
        bodies: requests, which are sent in turn.
        clients: how many ask at the same time, over a connection each.
        seconds: after which no more is asked.

    Returns:
        `Load`; every request that was sent has been waited for.
    """
    load, lock, begin = Load(), threading.Lock(), time.perf_counter()

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_REQUEST_SECONDS)
        while time.perf_counter() < begin + seconds:
            start, number = time.perf_counter(), number + 1
            status = _status(connection, bodies[number % len(bodies)])
            with lock:
                if status == 200:
                    load.seconds.append(time.perf_counter() - start)
                elif status == 503:
                    load.busy += 1
                else:
                    load.errors += 1
            if status != 200:
                time.sleep(_AGAIN_SECONDS)
        connection.close()

    threads = [threading.Thread(target=client, args=(17 * number,), daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.elapsed = time.perf_counter() - begin
    return load


def _status(connection: http.client.HTTPConnection, body: bytes) -> int:
    try:
        connection.request("POST", "/predict", body, _HEADERS)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0
