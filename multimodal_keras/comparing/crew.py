"""Processes that do tasks one after the other, each on its own cores; one that dies is replaced."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

# Keras and TensorFlow give no memory back: a process is replaced before that matters.
TASKS_PER_PROCESS = 24
_STOP_SECONDS, _POLL_SECONDS = 10, 0.5

Task = dict[str, Any]
Reply = dict[str, Any]


def shares_of_cores(processes: int, cores: int | None) -> list[tuple[int, ...]]:
    """Deal the cores that this process may use out to processes.

    Args:
        processes: how many.
        cores: how many cores they use together; None for all.

    Raises:
        ValueError: if there are fewer cores than processes, or more are wished for than there are.
    """
    free = _free_cores()
    wished = len(free) if cores is None else cores
    if not 1 <= processes <= wished <= len(free):
        raise ValueError(
            f"Each process has a core, and there are {len(free)}. Received processes={processes} and cores={cores}. "
            "Ask for fewer, and at least 1."
        )
    return [tuple(free[wished * at // processes : wished * (at + 1) // processes]) for at in range(processes)]


def _free_cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


class Hand:
    """One process, which is started when there is something to do.

    Args:
        command: its program and arguments; the numbers of its cores are added, by commas.
        log: where its standard error goes.
        cores: that it may use.
    """

    def __init__(self, command: Sequence[str], log: Path, cores: Sequence[int]) -> None:
        self._command, self._log, self._cores = command, log, cores
        self._process: subprocess.Popen[str] | None = None
        self._done = 0
        self._stopped = False
        self._starting = threading.Lock()

    def ask(self, task: Task) -> Reply:
        """Do a task, and return what the process replied: `{"error": one line}` if it failed or died of it."""
        process = self._running()
        if process is None or process.stdin is None or process.stdout is None:
            return {"error": "stopped"}
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except (OSError, ValueError):  # it died, or was stopped
            line = ""
        self._done += 1
        if line:
            return json.loads(line)
        code = _end(process)
        self._process = None
        return {"error": _last_words(code, self._log)}

    def stop(self) -> None:
        """End the process now, by its id, and start no other."""
        with self._starting:
            self._stopped = True
            process, self._process = self._process, None
        if process is not None:
            _end(process)

    def _running(self) -> subprocess.Popen[str] | None:
        with self._starting:
            if self._stopped:
                return None
            if self._process is not None and self._done >= TASKS_PER_PROCESS:
                _end(self._process)
                self._process = None
            if self._process is None:
                self._process, self._done = self._start(), 0
            return self._process

    def _start(self) -> subprocess.Popen[str]:
        threads = str(len(self._cores))
        environment = {
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C is for the parent, which then stops its processes.
            return subprocess.Popen(
                [*self._command, ",".join(map(str, self._cores))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                start_new_session=True,
            )


class Crew:
    """Several hands, for the length of a `with` block.

    Args:
        command: the program of each: a task a line on its input, a reply a line on its output, both JSON.
        logs: the folder for their standard error.
        shares: the cores of each.
    """

    def __init__(self, command: Sequence[str], logs: Path, shares: Sequence[Sequence[int]]) -> None:
        self._hands = [Hand(command, logs / f"process-{at}.log", cores) for at, cores in enumerate(shares, 1)]

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hand in self._hands:
            hand.stop()

    def do(self, tasks: Iterable[Task], tell: Callable[[Task, Reply], None]) -> None:
        """Do all tasks, each hand one after the other.

        Args:
            tasks: in the order in which they are begun.
            tell: called in this thread with each task that is over.
        """
        waiting = collections.deque(tasks)
        count = len(waiting)
        over: queue.Queue[tuple[Task, Reply]] = queue.Queue()
        for hand in self._hands[:count]:
            threading.Thread(target=_work, args=(hand, waiting, over), daemon=True).start()
        for _ in range(count):
            tell(*_next(over))


def _work(hand: Hand, waiting: collections.deque[Task], over: queue.Queue[tuple[Task, Reply]]) -> None:
    while True:
        try:
            task = waiting.popleft()
        except IndexError:
            return
        try:
            reply = hand.ask(task)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        over.put((task, reply))


def _next(over: queue.Queue[tuple[Task, Reply]]) -> tuple[Task, Reply]:
    while True:
        try:
            return over.get(timeout=_POLL_SECONDS)  # Ctrl-C comes through between two waits
        except queue.Empty:
            continue


def _end(process: subprocess.Popen[str]) -> int:
    """End a process, if it does not end itself when its input does, and return its exit code."""
    with process:  # closes what is open, and waits
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.returncode


def _last_words(code: int, log: Path) -> str:
    if code < 0:
        return f"its process was killed by {signal.Signals(-code).name}"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() or ["nothing"]
    return f"its process ended with code {code}: {lines[-1][:300]}"
