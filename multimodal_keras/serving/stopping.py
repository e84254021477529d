"""Stop a server without dropping a request: first say so, then answer what has come, then go."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any

GRACE_SECONDS = 30.0
# As long as a load balancer may need to read `/readyz` again, and a client that has connected already to send.
LINGER_SECONDS = 1.0
_POLL_SECONDS = 0.02


class GracefulStop:
    """Ends a waitress server on SIGTERM once it has nothing left to answer.

    From the signal on, `is_stopping` is true and `/readyz` answers 503, while requests are still taken and answered. The
    server ends when none came for a second, or after 30 seconds.

    Args:
        linger_seconds: how long it has to be idle.
        grace_seconds: how long it takes at most.

    Attributes:
        is_stopping: whether the signal has come.
    """

    def __init__(self, linger_seconds: float = LINGER_SECONDS, grace_seconds: float = GRACE_SECONDS) -> None:
        self.is_stopping = False
        self._is_over = False
        self._linger, self._grace = linger_seconds, grace_seconds

    def install(self, sockets: Mapping[int, Any]) -> None:
        """Take SIGTERM over, in the main thread; elsewhere there are no signals, and nothing is done.

        Args:
            sockets: the map that waitress was given, where it keeps its connections.
        """
        if threading.current_thread() is not threading.main_thread():
            return

        def on_signal(*_: Any) -> None:
            if self._is_over:
                raise SystemExit  # waitress leaves its loop on it
            if not self.is_stopping:
                self.is_stopping = True
                threading.Thread(target=self._end_when_idle, args=(sockets,), daemon=True).start()

        signal.signal(signal.SIGTERM, on_signal)

    def _end_when_idle(self, sockets: Mapping[int, Any]) -> None:
        end = time.monotonic() + self._grace
        idle_since = time.monotonic()
        while time.monotonic() < end and time.monotonic() - idle_since < self._linger:
            if is_busy(sockets):
                idle_since = time.monotonic()
            time.sleep(_POLL_SECONDS)
        # Once more, to wake the main thread from waiting for the network. SIGINT may be ignored: behind a shell's `&` it is.
        self._is_over = True
        os.kill(os.getpid(), signal.SIGTERM)


def is_busy(sockets: Mapping[int, Any]) -> bool:
    """Whether a request is being received, waits, is answered, or its answer is not sent yet."""
    # Listening sockets and the one that wakes the loop are in it too, and have none of these.
    channels = [socket for socket in tuple(sockets.values()) if hasattr(socket, "total_outbufs_len")]
    return any(channel.request or channel.requests or channel.total_outbufs_len for channel in channels)
