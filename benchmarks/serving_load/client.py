"""Many clients in one thread of a process of their own, over plain sockets, so that they cost little beside the server.

Closed loop: each client sends its next request when it has its answer. Open loop: requests are sent when they are due,
whether or not earlier ones are answered, as from many people who do not know of each other.
"""

from __future__ import annotations

import heapq
import multiprocessing
import random
import re
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

ANSWER_SECONDS = 60.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY = re.compile(rb"\r\nretry-after: *\d+\r", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        number: of the request in the sequence of them.
        due: when it was to be sent, in seconds of the monotonic clock, which all processes share.
        late: seconds from then until it was sent.
        seconds: from when it was due until its last byte came.
        status: of HTTP; 0 if there was no whole answer.
        body: without the head.
        retries: whether there was a `Retry-After`.
    """

    number: int
    due: float
    late: float
    seconds: float
    status: int
    body: bytes
    retries: bool = False


def http_request(
    body: bytes, path: str = "/predict", method: str = "POST", headers: Sequence[tuple[str, str]] = ()
) -> bytes:
    """A whole request of HTTP/1.1, with its length if the headers do not tell one."""
    given = {name.lower() for name, _ in headers}
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [] if "host" in given else ["Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [] if given & {"content-length", "transfer-encoding"} else [f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def closed_loop(
    port: int,
    requests: Sequence[bytes],
    clients: int,
    seconds: float,
    seed: float = 0,
    answer_seconds: float = ANSWER_SECONDS,
) -> list[Answer]:
    """Ask from a number of clients until the time is over; what is asked by then is waited for.

    Args:
        port: at 127.0.0.1.
        requests: of which one is drawn each time.
        clients: connections.
        seconds: that they ask.
        seed: of the order.
        answer_seconds: after which an answer is given up.
    """
    loop = _Loop(port, requests, answer_seconds)
    order = random.Random(seed)
    end = time.monotonic() + seconds

    def again(connection: _Connection) -> None:
        if time.monotonic() < end:
            connection.send(order.randrange(len(requests)), time.monotonic())

    loop.when_free = again
    for _ in range(clients):
        _Connection(loop).send(order.randrange(len(requests)), time.monotonic())
    while loop.busy:
        loop.step(1.0)
    return loop.finish()


def open_loop(port: int, requests: Sequence[bytes], rate: float, seconds: float, seed: float = 0) -> list[Answer]:
    """Send a number of requests a second, at random moments, and wait for all answers.

    Args:
        port: at 127.0.0.1.
        requests: of which one is drawn each time.
        rate: requests a second.
        seconds: that they are sent.
        seed: of the order and the moments.
    """
    loop, order = _Loop(port, requests, ANSWER_SECONDS), random.Random(seed)
    free: list[_Connection] = []
    loop.when_free = free.append
    due = start = time.monotonic()
    while due < start + seconds:
        while (pause := due - time.monotonic()) > 0:
            loop.step(pause)
        (free.pop() if free else _Connection(loop)).send(order.randrange(len(requests)), due)
        due += order.expovariate(rate)
        loop.step(0)
    while loop.busy:
        loop.step(1.0)
    return loop.finish()


class _Loop:
    """The sockets that wait for an answer."""

    def __init__(self, port: int, requests: Sequence[bytes], answer_seconds: float) -> None:
        self.port, self.requests, self._patience = port, requests, answer_seconds
        self.selector = selectors.DefaultSelector()
        self.answers: list[Answer] = []
        self.when_free = lambda connection: None
        self.busy: set[_Connection] = set()
        self.bodies: dict[bytes, bytes] = {}
        self._deadlines: list[tuple[float, int, _Connection]] = []

    def watch(self, connection: _Connection) -> None:
        self.busy.add(connection)
        heapq.heappush(self._deadlines, (time.monotonic() + self._patience, id(connection), connection))

    def step(self, pause: float) -> None:
        for key, events in self.selector.select(pause):
            key.data.work(events)
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            connection = heapq.heappop(self._deadlines)[2]
            if connection in self.busy and connection.sent + self._patience <= now:
                connection.end(0, b"")

    def finish(self) -> list[Answer]:
        for key in tuple(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
        return self.answers


class _Connection:
    """One client's socket, which it keeps as long as the server does."""

    def __init__(self, loop: _Loop) -> None:
        self._loop, self._socket, self._waits = loop, None, 0
        self.sent = 0.0

    def send(self, number: int, due: float) -> None:
        self._number, self._due, self.sent = number, due, time.monotonic()
        self._left, self._received, self._length = memoryview(self._loop.requests[number]), bytearray(), None
        self._loop.watch(self)
        try:
            if self._socket is None:
                self._socket = socket.socket()
                self._socket.setblocking(False)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket.connect_ex(("127.0.0.1", self._loop.port))
                self._loop.selector.register(self._socket, selectors.EVENT_WRITE, self)
                self._waits = selectors.EVENT_WRITE
            else:
                self._write()
        except OSError:
            self.end(0, b"")

    def work(self, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                self._read()
            elif events & selectors.EVENT_WRITE:
                self._write()
        except OSError:
            self.end(0, b"")

    def _write(self) -> None:
        with suppress(BlockingIOError):
            self._left = self._left[self._socket.send(self._left) :]
        # A server may answer, and hang up, before it has read everything.
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._left else 0)
        if wanted != self._waits:
            self._loop.selector.modify(self._socket, wanted, self)
            self._waits = wanted

    def _read(self) -> None:
        part = self._socket.recv(2**18)
        if self not in self._loop.busy:  # the server hung up on an idle client
            self._close()
            return
        self._received += part
        if self._length is None and (end := self._received.find(b"\r\n\r\n") + 4) > 3:
            self._head = bytes(self._received[:end])
            found = _LENGTH.search(self._head)
            has_body = found and not self._loop.requests[self._number].startswith(b"HEAD ")
            self._length = end + int(found[1]) if has_body else end
        if self._length is not None and len(self._received) >= self._length:
            self.end(int(self._head[9:12]), bytes(self._received[len(self._head) : self._length]))
        elif not part:
            self.end(0, b"")

    def end(self, status: int, body: bytes) -> None:
        now, loop = time.monotonic(), self._loop
        loop.busy.discard(self)
        head = self._head if status else b""
        body = loop.bodies.setdefault(body, body)
        waited = (self.sent - self._due, now - self._due)
        loop.answers.append(Answer(self._number, self._due, *waited, status, body, bool(_RETRY.search(head))))
        if not status or self._left or _CLOSE.search(head):
            self._close()
        loop.when_free(self)

    def _close(self) -> None:
        if self._socket is not None:
            self._loop.selector.unregister(self._socket)
            self._socket.close()
            self._socket = None


@contextmanager
def clients() -> Iterator[ProcessPoolExecutor]:
    """A process of its own for the clients: `pool.submit(closed_loop, ...)`."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(int).result()
        yield pool
