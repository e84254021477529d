"""A new version of a model while clients ask, and a server that is killed and started again.

Clients send several records at a time without a pause while version 2 is put beside version 1. Every answer must be
right and of one version, and who asks after somebody has had an answer of version 2 gets version 2. Then the server is
killed (`kill -9`) and started again at the same port: the seconds until it is ready and has answered.

    python benchmarks/hot_swap.py    # about a minute
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from serving_load import model
from serving_load.checking import Outcome, check, goal, median, quantile_of
from serving_load.client import Answer, clients, closed_loop, http_request
from serving_load.server import Server, serving_code

TOGETHER = 3
# Clients ask part by part, until one has no answer of the old version.
PART_SECONDS, LONGEST_SECONDS = 3.0, 60.0


@dataclass(frozen=True)
class Asked:
    """Bodies of requests, and what each version answers to them."""

    bodies: list[bytes]
    old: list[Any]
    new: list[Any]


@dataclass(frozen=True)
class Swap:
    """What the clients saw.

    Attributes:
        outcome: of all answers; versions 0 and 1 are the old and the new one.
        seconds: from when the new version was there until the first answer of it.
        backward: answers of the old version to requests that were sent after somebody had the new one.
    """

    outcome: Outcome
    seconds: float
    backward: int


def watch_swap(answers: Sequence[Answer], put_in: float, old: Sequence[Any], new: Sequence[Any]) -> Swap:
    """Sort what came by its version.

    Args:
        answers: that came.
        put_in: when the new version's folder got its name, by the monotonic clock.
        old: wanted answers of the old version.
        new: of the new one.
    """
    outcome = check(answers, old, new)
    rows = list(zip(outcome.right, outcome.versions, strict=True))
    first = min((answer.due + answer.seconds for answer, version in rows if version), default=float("inf"))
    backward = sum(not version and answer.due > first for answer, version in rows)
    return Swap(outcome, first - put_in, backward)


def swap(
    pool: ProcessPoolExecutor, port: int, asked: Asked, clients: int, made: Path, place: Path
) -> tuple[list[Answer], float]:
    """Ask on and on, put a version in meanwhile, and go on until nobody gets the old one any more.

    Returns:
        The answers, and when the version was put in, by the monotonic clock.
    """
    requests, found = [http_request(body) for body in asked.bodies], list[Answer]()
    put_in, end, is_over = math.inf, time.monotonic() + LONGEST_SECONDS, False
    while not is_over and time.monotonic() < end:
        asking = pool.submit(closed_loop, port, requests, clients, PART_SECONDS, len(found))
        if found and made.exists():
            time.sleep(PART_SECONDS / 2)
            made.rename(place)
            put_in = time.monotonic()
        answers = asking.result()
        found += answers
        is_over = 0 not in check(answers, asked.old, asked.new).versions
    return found, put_in


def report_swap(found: Swap, put_in: float) -> list[str]:
    """What happened, in lines."""
    outcome = found.outcome
    before = [answer.seconds for answer in outcome.right if answer.due + answer.seconds < put_in]
    during = [a.seconds for a in outcome.right if put_in - a.seconds < a.due < put_in + found.seconds]
    old, new = outcome.versions.count(0), outcome.versions.count(1)
    statuses = Counter(answer.status for answer in outcome.failed)
    slowest = [f"{1e3 * quantile_of(values, 0.99):.0f}" for values in (before, during)]
    return [
        f"{old} answers of version 1, {new} of version 2; p99 {slowest[0]} ms before, {slowest[1]} ms while it is loaded",
        f"{found.seconds:.1f} s until the new version answers (looked for every 2 s)",
        goal(not outcome.failed, f"{len(outcome.failed)} requests failed {dict(statuses)} (goal 0)"),
        goal(not outcome.refused, f"{len(outcome.refused)} were told to come again (goal 0)"),
        goal(not outcome.wrong, f"{len(outcome.wrong)} got an answer of neither version (goal 0)"),
        goal(not found.backward, f"{found.backward} got the old version after the new one had answered (goal 0)"),
        goal(old > 0 and new > 0, "both versions answered"),
    ]


def restart(server: Server, code: str, request: bytes, pool: ProcessPoolExecutor) -> tuple[Server, float, Answer]:
    """Kill it, start it at the same port; the seconds until the first answer, and that answer."""
    server.kill()
    start = time.monotonic()
    again = Server(code, port=server.port)
    answer = pool.submit(closed_loop, again.port, [request], 1, 0.001).result()[0]
    return again, answer.due + answer.seconds - start, answer


def killed(
    server: Server, pool: ProcessPoolExecutor, path: Path, body: bytes, wanted: list[Any], count: int
) -> tuple[Server, list[str]]:
    """Kill and start it several times; the last server, and what happened."""
    ready, first, lines = [], [], []
    for _ in range(count):
        server, seconds, answer = restart(server, serving_code(path), http_request(body), pool)
        ready.append(server.ready_seconds)
        first.append(seconds)
        if not check([answer], wanted).right:
            lines.append(goal(False, "the first answer is right"))
    name = "TFLite file" if path.suffix else "SavedModel"
    told = f"{name}: ready {median(ready):.1f} s after kill -9, first answer after {median(first):.1f} s"
    return server, [*lines, told]


def run(folder: Path, arguments: argparse.Namespace) -> bool:
    """Print all of it; whether every goal was met."""
    built = model.build()
    exported = model.export(built, folder / "clipart" / "1", tflite=True)
    made = model.write(model.change(built), folder / "made")
    bodies = model.requests(24, together=TOGETHER)
    asked = Asked(bodies, *(model.answers(path, bodies) for path in (exported, made)))
    with clients() as pool:
        server = Server(serving_code(folder / "clipart"))
        try:
            answers, put_in = swap(pool, server.port, asked, arguments.clients, made, folder / "clipart" / "2")
            lines = [f"{arguments.clients} clients, {TOGETHER} records in each request"]
            lines += report_swap(watch_swap(answers, put_in, asked.old, asked.new), put_in)
            print("\n".join(lines), flush=True)
            for path, wanted in ((folder / "clipart", asked.new), (exported / "model.tflite", asked.old)):
                server, told = killed(server, pool, path, bodies[0], wanted, arguments.restarts)
                print("\n".join(told), flush=True)
                lines += told
        finally:
            server.kill()
    return not any(line.startswith("MISSED") for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--restarts", type=int, default=1, help="of each kind of model; medians are told")
    with tempfile.TemporaryDirectory() as folder:
        return 0 if run(Path(folder), parser.parse_args()) else 1


if __name__ == "__main__":
    sys.exit(main())
