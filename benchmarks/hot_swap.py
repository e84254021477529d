"""A new version of a model while clients ask, and a server that is killed and started again.

Clients send several records at a time without a pause while version 2 is put beside version 1. Every answer must be
right and of one version, and who asks after somebody has had an answer of version 2 gets version 2. Then the server is
killed (`kill -9`) and started again at the same port: the seconds until it is ready and has answered.

    python benchmarks/hot_swap.py --clients 16
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
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
    pool: ProcessPoolExecutor, server: Server, bodies: Sequence[bytes], made: Path, place: Path, **load: Any
) -> tuple[list[Answer], float]:
    """Put a version in after a third of the time; returns the answers, and when it was put in."""
    asking = pool.submit(closed_loop, server.port, [http_request(body) for body in bodies], **load)
    time.sleep(load["seconds"] / 3)
    made.rename(place)
    put_in = time.monotonic()
    return asking.result(), put_in


def report_swap(found: Swap, put_in: float) -> list[str]:
    """What happened, in lines."""
    outcome = found.outcome
    before = [answer.seconds for answer in outcome.right if answer.due + answer.seconds < put_in]
    during = [a.seconds for a in outcome.right if put_in - a.seconds < a.due < put_in + found.seconds]
    old, new = outcome.versions.count(0), outcome.versions.count(1)
    slowest = [f"{1e3 * quantile_of(values, 0.99):.0f}" for values in (before, during)]
    return [
        f"{old} answers of version 1, {new} of version 2; p99 {slowest[0]} ms before, {slowest[1]} ms while it is loaded",
        f"{found.seconds:.1f} s until the new version answers (looked for every 2 s)",
        goal(not outcome.errors, f"{outcome.errors} requests failed, or got an answer of neither version (goal 0)"),
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


def run(folder: Path, arguments: argparse.Namespace) -> bool:
    """Print all of it; whether every goal was met."""
    exported = model.export(model.build(1), folder / "clipart" / "1", tflite=True)
    made = model.export(model.build(2), folder / "made")
    bodies = model.requests(24, together=TOGETHER)
    old, new = (model.answers(path, bodies) for path in (exported, made))
    lines = []
    with clients() as pool:
        code = serving_code(folder / "clipart")
        server = Server(code)
        load = {"clients": arguments.clients, "seconds": arguments.seconds}
        answers, put_in = swap(pool, server, bodies, made, folder / "clipart" / "2", **load)
        lines += [f"{arguments.clients} clients, {TOGETHER} records in each request"]
        lines += report_swap(watch_swap(answers, put_in, old, new), put_in)
        for name, path, wanted in (
            ("SavedModel", folder / "clipart", new),
            ("TFLite file", exported / "model.tflite", old),
        ):
            code = serving_code(path)
            ready, first = [], []
            for _ in range(arguments.restarts):
                server, seconds, answer = restart(server, code, http_request(bodies[0]), pool)
                ready.append(server.ready_seconds)
                first.append(seconds)
                lines.append("" if check([answer], wanted).right else goal(False, "the first answer is right"))
            lines.append(f"{name}: ready {median(ready):.1f} s after kill -9, first answer after {median(first):.1f} s")
        server.kill()
    print("\n".join(line for line in lines if line))
    return not any(line.startswith("MISSED") for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=30.0, help="that they ask")
    parser.add_argument("--restarts", type=int, default=3)
    with tempfile.TemporaryDirectory() as folder:
        return 0 if run(Path(folder), parser.parse_args()) else 1


if __name__ == "__main__":
    sys.exit(main())
