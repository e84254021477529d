"""Many small requests, few calls of the model: what waits while a call runs goes into the next one together."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from multimodal_keras.serving.parsing import Array
from multimodal_keras.serving.refusal import Refusal, without_frames

Inputs = Mapping[str, Array]
Outputs = dict[str, np.ndarray]

RETRY_SECONDS = 1
MAX_BATCH, MAX_WAITING = 32, 128
# Joined requests may take this many times the memory that they take apart.
_MOST_FILLED = 4


@dataclass(eq=False)
class _Request:
    signature: str
    inputs: Inputs
    count: int
    deadline: float
    outputs: Outputs | None = None
    refusal: Exception | None = None
    is_done: bool = False
    leads: bool = False
    woken: threading.Event = field(default_factory=threading.Event)

    def settle(self, outputs: Outputs | None = None, refusal: Exception | None = None) -> None:
        self.outputs, self.refusal, self.is_done = outputs, refusal, True


class MicroBatcher:
    """Calls one model for many threads.

    No request waits for others to come: a thread that finds the model free calls it at once, with all that waits by
    then. There is no thread of its own, and nothing to stop; each model has a batcher of its own, so no request can be
    answered by another model.

    Args:
        call: from a signature's name and its inputs to its outputs, the batch first.
        max_batch: records in a call at most; a larger request is called alone.
        max_waiting: records that may wait; a request that is more gets 503. One request may always wait.
        timeout_seconds: how long a request may take before it gets 504.
        workers: calls at the same time.

    Attributes:
        on_batch: a function that is told how many records went into each call, or None.

    Raises:
        ValueError: if one of these is not above 0.
    """

    on_batch: Callable[[int], Any] | None = None

    def __init__(
        self,
        call: Callable[[str, Inputs], Outputs],
        *,
        max_batch: int = MAX_BATCH,
        max_waiting: int = MAX_WAITING,
        timeout_seconds: float = 30.0,
        workers: int = 1,
    ) -> None:
        if min(max_batch, max_waiting, timeout_seconds, workers) <= 0:
            raise ValueError(
                "max_batch, max_waiting, timeout_seconds and workers are above 0. "
                f"Received {max_batch}, {max_waiting}, {timeout_seconds} and {workers}. Raise them."
            )
        self._call, self._timeout = call, timeout_seconds
        self._max_batch, self._max_waiting, self._workers = max_batch, max_waiting, workers
        self._lock = threading.Lock()
        self._waiting: deque[_Request] = deque()
        self._running = 0

    def __call__(self, signature: str, inputs: Inputs, count: int) -> Outputs:
        """Answer one request; to be called from any thread.

        Args:
            signature: its name.
            inputs: input to `(count, ...)`.
            count: how many records.

        Returns:
            Output to `(count, ...)`.

        Raises:
            Refusal: 503 if too many wait already, 504 if it took too long, and what the model refuses.
        """
        request = _Request(signature, inputs, count, time.monotonic() + self._timeout)
        with self._lock:
            self.check_room(count)
            self._waiting.append(request)
            self._appoint()
        while not request.is_done:
            self._wait(request)
            if request.leads:
                self._lead(request)
        if request.refusal is None:
            return request.outputs or {}
        try:
            raise request.refusal
        finally:
            # What is raised holds this frame: it must not hold what was raised, with all that the client sent.
            del request

    def check_room(self, count: int = 1) -> None:
        """Refuse what may not wait, for instance before it is parsed.

        Args:
            count: records that are to come.

        Raises:
            Refusal: 503 if too many wait already.
        """
        if self._waiting and self.waiting_records + count > self._max_waiting:
            raise Refusal("The server is busy. Received more requests than may wait. Send it again later.", 503)

    @property
    def waiting_records(self) -> int:
        """How many records wait for the model."""
        return sum(request.count for request in tuple(self._waiting))

    def _appoint(self) -> None:
        """With the lock held: let the first that wait call the model, one for each call that is free.

        Only they are woken. Waking all that wait, for one of them to find something to do, costs more than the model.
        """
        for request in self._waiting:
            if self._running == self._workers:
                return
            if not request.leads:
                self._running += 1
                request.leads = True
                request.woken.set()

    def _wait(self, request: _Request) -> None:
        """Until the request is answered, or is to call the model."""
        if not request.woken.wait(max(0.0, request.deadline - time.monotonic())):
            with self._lock:
                if not request.woken.is_set():
                    if request in self._waiting:
                        self._waiting.remove(request)
                    raise Refusal("The answer took too long. Send fewer records, or send it again later.", 504)
        request.woken.clear()

    def _lead(self, request: _Request) -> None:
        """Call the model for what waits by now, which another call may have taken, and hand it over."""
        with self._lock:
            request.leads = False
            batch = self._take()
        try:
            if batch:
                self._call_together(batch)
        finally:
            with self._lock:
                self._running -= 1
                # Before the answered ones write their answers, so that the model is never idle.
                self._appoint()
            for answered in batch:
                answered.woken.set()

    def _take(self) -> list[_Request]:
        """The first that waits, and those after it that go into the same call."""
        batch: list[_Request] = []
        records = 0
        while self._waiting:
            first = self._waiting[0]
            if batch and (first.signature != batch[0].signature or records + first.count > self._max_batch):
                break
            batch.append(self._waiting.popleft())
            records += first.count
        return batch

    def _call_together(self, batch: list[_Request]) -> None:
        if self.on_batch is not None:
            self.on_batch(sum(request.count for request in batch))
        try:
            outputs = self._call(batch[0].signature, _joined([request.inputs for request in batch]))
        except Exception as error:
            if len(batch) == 1:
                # Without the frames of this call, which hold the request.
                batch[0].settle(refusal=without_frames(error))
                return
            # One bad record must not fail its neighbours.
            for request in batch:
                self._call_together([request])
            return
        ends = np.cumsum([request.count for request in batch])
        for request, end in zip(batch, ends.tolist(), strict=True):
            request.settle({name: values[end - request.count : end] for name, values in outputs.items()})


def _joined(parts: list[Inputs]) -> Inputs:
    if len(parts) == 1:
        return parts[0]
    return {name: _concatenated([part[name] for part in parts]) for name in parts[0]}


def _concatenated(values: list[Array]) -> Array:
    """One after the other; where their sizes differ beyond the first axis, filled up as if by missing values."""
    if all(isinstance(value, list) for value in values):
        return list(chain.from_iterable(values))
    arrays = [np.asarray(value) for value in values]
    shapes = [array.shape[1:] for array in arrays]
    if len(set(shapes)) == 1:
        return np.concatenate(arrays)
    shape = (sum(map(len, arrays)), *np.max(shapes, axis=0).tolist())
    if math.prod(shape) > _MOST_FILLED * max(1, sum(array.size for array in arrays)):
        raise ValueError("A long value would make all others as long. Answer each on its own.")
    joined = np.full(shape, b"" if arrays[0].dtype == object else math.nan, arrays[0].dtype)
    start = 0
    for array in arrays:
        joined[(slice(start, start + len(array)), *map(slice, array.shape[1:]))] = array
        start += len(array)
    return joined
