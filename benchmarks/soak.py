"""A server under load for a long time, with one hostile request in a hundred.

It must not crash, not leak, answer every good request rightly, answer none by 5xx but 503, and show nobody a stack or a
path. Memory is read every second. The first third is warm-up: the heaps of threads and the tables of TensorFlow grow to
what the largest requests need. The rest is cut into twelve blocks, as seconds that follow each other know of each other;
a line through the blocks' medians has a slope and a standard error. It is a leak if the slope is above noise, and if the
memory is still growing at the end. Ten minutes tell; one minute is mostly warm-up.

    python benchmarks/soak.py --minutes 10
    python benchmarks/soak.py --minutes 10 --tflite
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "tests"))

from hostile import HostileRequest, hostile_requests
from serving_load import model
from serving_load.checking import check, goal, median
from serving_load.client import Answer, clients, closed_loop, http_request
from serving_load.server import MemoryWatch, Server, running, serving_code
from serving_load.slope import slope_of

HOSTILE_PART, ANSWER_SECONDS, CORPUS, LARGE_SECONDS = 0.01, 30.0, 3000, 5.0
# The part of the time that is not steady yet.
WARM_UP = 1 / 3
BLOCKS = 12
# Less than this part of the memory is no leak in the time of a run.
LEAK_PART = 0.01
INTERNAL = re.compile(
    rb'Traceback|File "|site-packages|\.py\b|/usr/|/tmp/|/home/|/root/|tensorflow/|saved_model', re.IGNORECASE
)


@dataclass
class Findings:
    """What a soak found.

    Attributes:
        right: good requests with the right answer.
        busy: good ones that got 503 with Retry-After.
        wrong: good ones with another answer.
        hostile: statuses of the hostile ones; 0 is no answer.
        failed: names of hostile requests, and their statuses that are 5xx, or accept what has to be refused.
        shown: names of requests whose answers show something of the server's inside.
        memory: seconds and megabytes.
        crashed: whether the server ended.
    """

    right: int = 0
    busy: int = 0
    wrong: list[Answer] = field(default_factory=list)
    hostile: Counter[int] = field(default_factory=Counter)
    failed: Counter[tuple[str, int]] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)
    crashed: bool = False

    def goals(self) -> list[str]:
        """A line for each, met or missed."""
        steady = self.memory[int(WARM_UP * len(self.memory)) :]
        slope, change = slope_of(blocks(steady)), growth(steady)
        least = LEAK_PART * median([megabytes for _, megabytes in steady])
        leaks = slope.is_above_noise and change > least
        wrong = Counter(answer.status for answer in self.wrong)
        return [
            goal(not self.crashed, "the server lives"),
            goal(
                not self.wrong,
                f"{self.right} right, {self.busy} told to come again, {len(self.wrong)} wrong {dict(wrong)}",
            ),
            goal(
                not self.failed,
                f"{sum(self.hostile.values())} hostile ones by status {dict(self.hostile)}; {dict(self.failed)}",
            ),
            goal(not self.shown, f"{sum(self.shown.values())} answers show the server's inside {dict(self.shown)}"),
            goal(
                not leaks,
                f"memory {slope}; its last quarter against the one in the middle {change:+.1f} MB (goal {least:.0f})",
            ),
        ]


def blocks(samples: Sequence[tuple[float, float]], count: int = BLOCKS) -> list[tuple[float, float]]:
    """Medians of so many parts of equal length, of which each is a sample of its own."""
    edges = [len(samples) * number // count for number in range(count + 1)]
    parts = [samples[start:end] for start, end in itertools.pairwise(edges) if end > start]
    return [(median([second for second, _ in part]), median([megabytes for _, megabytes in part])) for part in parts]


def growth(samples: Sequence[tuple[float, float]]) -> float:
    """Megabytes at the end against the middle: medians of a quarter each."""
    quarter = max(1, len(samples) // 4)
    middle = (len(samples) - quarter) // 2
    parts = samples[middle : middle + quarter], samples[-quarter:]
    halfway, end = (median([megabytes for _, megabytes in part]) for part in parts)
    return end - halfway


class Soak:
    """Asks a server part by part, and looks at every answer.

    Args:
        server: that is asked.
        pool: the clients' process.
        bodies: of good requests.
        wanted: answers to them.
        hostile: and what is sent of each.
    """

    def __init__(
        self,
        server: Server,
        pool: ProcessPoolExecutor,
        bodies: Sequence[bytes],
        wanted: Sequence[Any],
        hostile: Sequence[tuple[HostileRequest, bytes]],
    ) -> None:
        self._server, self._pool, self._wanted, self._hostile = server, pool, wanted, hostile
        self._good = [http_request(body) for body in bodies]
        self._random = random.Random(3)
        self._next = 0
        self.findings = Findings()

    def run(self, seconds: float, part_seconds: float, count: int, hostile_part: float = HOSTILE_PART) -> Findings:
        """Ask from `count` clients until the time is over, or the server is."""
        end = time.monotonic() + seconds
        with MemoryWatch(self._server, pause=min(1.0, part_seconds / 4)) as watch:
            while time.monotonic() < end and not self.findings.crashed:
                names, requests = self._mixed(hostile_part)
                asked = (
                    closed_loop,
                    self._server.port,
                    requests,
                    count,
                    part_seconds,
                    self._random.random(),
                    ANSWER_SECONDS,
                )
                self._look(names, self._pool.submit(*asked).result())
                self.findings.crashed = self._server.process.poll() is not None
        self.findings.memory = watch.samples
        return self.findings

    def _mixed(self, hostile_part: float) -> tuple[list[HostileRequest | int], list[bytes]]:
        """A thousand requests; hostile ones by name, in turn, the good ones by number."""
        names: list[HostileRequest | int] = []
        requests = []
        for _ in range(1000):
            if self._random.random() < hostile_part:
                name, request = self._hostile[self._next % len(self._hostile)]
                self._next += 1
            else:
                name = self._random.randrange(len(self._good))
                request = self._good[name]
            names.append(name)
            requests.append(request)
        return names, requests

    def _look(self, names: Sequence[HostileRequest | int], answers: Sequence[Answer]) -> None:
        found, good = self.findings, []
        for answer in answers:
            name = names[answer.number]
            if INTERNAL.search(answer.body):
                found.shown[name.name if isinstance(name, HostileRequest) else "good"] += 1
            if isinstance(name, int):
                good.append(answer)
                continue
            found.hostile[answer.status] += 1
            is_accepted = name.is_wrong and 200 <= answer.status < 400
            if is_accepted or (answer.status >= 500 and answer.status != 503):
                found.failed[name.name, answer.status] += 1
        wanted = [self._wanted[name] if isinstance(name, int) else None for name in names]
        outcome = check(good, wanted)
        found.right += len(outcome.right)
        found.busy += len(outcome.refused)
        found.wrong += [*outcome.wrong, *outcome.failed]


def corpus(folder: Path, model_name: str, count: int, seed: int = 0) -> list[tuple[HostileRequest, bytes]]:
    """So many hostile requests to a model, also as what is sent."""
    contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    rows = itertools.islice(hostile_requests(contract, seed, model_name), count)
    return [(row, http_request(row.body, row.path, row.method, list(row.headers.items()))) for row in rows]


def run(folder: Path, arguments: argparse.Namespace) -> bool:
    """Print what was found; whether all is well."""
    write = model.export if arguments.tflite else model.write
    exported = write(model.build(), folder / "clipart" / "1", **({"tflite": True} if arguments.tflite else {}))
    served = exported / "model.tflite" if arguments.tflite else exported
    bodies = [*model.requests(40), *model.requests(8, together=5)]
    wanted = model.answers(exported, bodies)
    seconds = 60 * arguments.minutes
    with clients() as pool, running(serving_code(served)) as server:
        rows = corpus(exported, "clipart", CORPUS)
        # The largest first, so that what they need once is no step in the middle of the run.
        large = [sent for row, sent in rows if "large" in row.name or "packed zeros" in row.name]
        pool.submit(closed_loop, server.port, large, 2, LARGE_SECONDS).result()
        soak = Soak(server, pool, bodies, wanted, rows)
        goals = soak.run(seconds, min(10.0, seconds / 6), arguments.clients).goals()
        print(
            f"{served.name}: {arguments.minutes:g} minutes, {arguments.clients} clients, peak {server.peak_memory():.0f} MB"
        )
    print("\n".join(goals))
    return not any(line.startswith("MISSED") for line in goals)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tflite", action="store_true", help="over the TFLite file; the SavedModel if left out")
    with tempfile.TemporaryDirectory() as folder:
        return 0 if run(Path(folder), parser.parse_args()) else 1


if __name__ == "__main__":
    sys.exit(main())
