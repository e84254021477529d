"""How fast an exported folder is served, against the loader that tutorials show, and what happens when too many ask.

One run measures, in alternating rounds on the same machine: `multimodal_keras.serving` over the SavedModel, with and
without batching, and over the TFLite file; Flask with `keras.saving.load_model`, hand-written preprocessing and
`model.predict` per request; and the bare signature, called by as many threads of this process. All servers are behind
waitress on 127.0.0.1, the clients are a process of their own, and every answer is compared with what the SavedModel answers
here. Then requests come at four times the rate that each of ours can answer. Only ratios within a run mean something.

    python benchmarks/serving.py            # about eight minutes
    python benchmarks/serving.py --quick    # about two
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from serving_load import classic, model
from serving_load.checking import TOLERANCE, Outcome, check, goal, median, quantile_of
from serving_load.client import clients, closed_loop, http_request, open_loop
from serving_load.server import MemoryWatch, Server, running, serving_code

CLIENTS = (1, 8, 32, 128)
OURS, ALONE, LITE = "ours, SavedModel", "ours, not batched", "ours, TFLite file"
CLASSIC, BARE = "predict per request", "bare signature"
WAYS = (OURS, ALONE, LITE, CLASSIC, BARE)
# Pillow scales pictures a little differently from the model's own decoding.
TOLERANCES = {CLASSIC: 0.05}
RATIOS = {1: 20.0, 32: 80.0}
OVERHEAD_MILLISECONDS, OVERLOAD, OVERLOAD_SECONDS, GROWTH_MEGABYTES = 2.0, 4.0, 1.0, 200.0


@dataclass(frozen=True)
class Bench:
    """What is asked, and how long.

    Attributes:
        bodies: of the requests.
        requests: the same with their heads.
        wanted: the answers.
        pool: the clients' process.
        seconds: for each measurement.
    """

    bodies: list[bytes]
    requests: list[bytes]
    wanted: list[Any]
    pool: ProcessPoolExecutor
    seconds: float

    def ask(self, way: str, server: Server, count: int) -> Outcome:
        """From a number of clients."""
        answers = self.pool.submit(closed_loop, server.port, self.requests, count, self.seconds).result()
        return check(answers, self.wanted, tolerance=TOLERANCES.get(way, TOLERANCE))

    def flood(self, server: Server, rate: float, seconds: float) -> Outcome:
        """At a rate, whatever the server does."""
        return check(self.pool.submit(open_loop, server.port, self.requests, rate, seconds).result(), self.wanted)


def bare_signature(folder: Path, bodies: Sequence[bytes]) -> Callable[[int, float], list[float]]:
    """Seconds of calls of the signature, which decodes, from a number of threads until the time is over."""
    from multimodal_keras.runtime.artefacts import load

    artefact, rows = load(folder), [model.raw(body) for body in bodies]

    def measure(count: int, seconds: float) -> list[float]:
        taken: list[float] = []
        end = time.perf_counter() + seconds

        def call(first: int) -> None:
            number = first
            while (start := time.perf_counter()) < end:
                artefact.outputs(rows[number % len(rows)])
                taken.append(time.perf_counter() - start)
                number += 1

        threads = [threading.Thread(target=call, args=(17 * number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return taken

    return measure


Table = dict[tuple[str, int], list[dict[str, float]]]


def measure(bench: Bench, servers: dict[str, Server], bare: Callable[[int, float], list[float]], rounds: int) -> Table:
    """Alternate: every round asks everything once; the first round warms up."""
    table: Table = {}
    for round_number in range(-1, rounds):
        for count in CLIENTS:
            for way in WAYS:
                if way == BARE:
                    start = time.perf_counter()
                    seconds = bare(count, bench.seconds)
                    elapsed = time.perf_counter() - start
                    p50, p99 = (1e3 * quantile_of(seconds, part) for part in (0.5, 0.99))
                    row = {"p50": p50, "p99": p99, "rate": len(seconds) / elapsed, "errors": 0.0}
                else:
                    found = bench.ask(way, servers[way], count)
                    row = {"p50": found.latency(0.5), "p99": found.latency(0.99), "rate": found.rate}
                    row |= {"errors": float(found.errors)}
                if round_number >= 0:
                    table.setdefault((way, count), []).append(row | {"memory": memory_of(servers.get(way))})
    return table


def memory_of(server: Server | None) -> float:
    return server.memory() if server else float("nan")


def summarise(table: Table) -> dict[tuple[str, int], dict[str, float]]:
    """Medians over the rounds; all errors."""
    return {
        key: {name: median([row[name] for row in rows]) for name in rows[0]}
        | {"errors": sum(row["errors"] for row in rows)}
        for key, rows in table.items()
    }


def report(medians: dict[tuple[str, int], dict[str, float]]) -> str:
    lines = [f"{'way':20}{'clients':>8}{'p50 ms':>9}{'p99 ms':>9}{'requests/s':>12}{'ratio':>8}{'errors':>8}{'MB':>7}"]
    for (way, count), row in medians.items():
        ratio = row["rate"] / medians[CLASSIC, count]["rate"]
        numbers = (
            f"{row['p50']:9.2f}{row['p99']:9.2f}{row['rate']:12.1f}{ratio:8.1f}{row['errors']:8.0f}{row['memory']:7.0f}"
        )
        lines.append(f"{way:20}{count:8}{numbers}")
    lines.append("")
    for count, wanted in RATIOS.items():
        classic_rate = medians[CLASSIC, count]["rate"]
        ratio, lite, bare = (medians[way, count]["rate"] / classic_rate for way in (OURS, LITE, BARE))
        others = f"the TFLite file {lite:.1f}, the bare signature {bare:.1f}"
        lines.append(
            goal(ratio >= wanted, f"{ratio:.1f} times predict at {count} clients (goal {wanted:.0f}; {others})")
        )
    ours, bare = medians[OURS, 1]["p50"], medians[BARE, 1]["p50"]
    sentence = f"p50 at one client {ours:.2f} ms, {ours - bare:.2f} ms more than the signature (goal 2)"
    lines.append(goal(ours <= bare + OVERHEAD_MILLISECONDS, sentence))
    errors = sum(row["errors"] for (way, _), row in medians.items() if way != CLASSIC)
    lines.append(goal(not errors, f"{errors:.0f} requests to ours without the right answer (goal 0)"))
    return "\n".join(lines)


def overload(way: str, bench: Bench, server: Server, seconds: float) -> str:
    """Find out what it can answer, and offer four times as much."""
    capacity = max(bench.ask(way, server, count).rate for count in (32, 128))
    before = server.memory()
    with MemoryWatch(server) as watch:
        found = bench.flood(server, OVERLOAD * capacity, seconds)
    everything = [*found.right, *found.wrong, *found.refused, *found.failed]
    lateness = 1e3 * quantile_of([answer.late for answer in everything], 0.99)
    refusal = 1e3 * quantile_of([answer.seconds for answer in found.refused], 0.99)
    after, peak = server.memory(), max(megabytes for _, megabytes in watch.samples)
    accepted = found.latency(0.99)
    lines = [
        f"{way}: {OVERLOAD * capacity:.0f} requests/s for {seconds:.0f} s, {OVERLOAD:.0f} times what it can answer "
        f"({capacity:.0f}); sent {lateness:.0f} ms late at most, but for 1 %",
        f"  right {len(found.right)} ({found.rate:.0f} a second, p50 {found.latency(0.5):.0f} ms, p99 {accepted:.0f} ms), "
        f"503 with Retry-After {len(found.refused)} (p99 {refusal:.0f} ms), wrong {len(found.wrong)}, "
        f"others {len(found.failed)}",
        f"  memory {before:.0f} MB before, {peak:.0f} at most, {after:.0f} after",
        goal(not found.wrong and not found.failed, "every answer is right, or 503 with Retry-After"),
        goal(bool(found.refused), "what is too much is refused"),
        goal(accepted <= 1e3 * OVERLOAD_SECONDS, f"p99 of what is accepted {accepted:.0f} ms (goal 1000)"),
        goal(peak - before < GROWTH_MEGABYTES, f"{peak - before:.0f} MB more (goal {GROWTH_MEGABYTES:.0f})"),
    ]
    return "\n".join(lines)


def run(folder: Path, arguments: argparse.Namespace) -> None:
    built = model.build()
    built.save(folder / "model.keras")
    exported = model.export(built, folder / "clipart" / "1", tflite=True)
    bodies = model.requests(48)
    codes = {
        OURS: serving_code(exported),
        ALONE: serving_code(exported, max_batch=1),
        LITE: serving_code(exported / "model.tflite"),
        CLASSIC: classic.code(folder),
    }
    requests = [http_request(body, headers=[("Content-Type", "application/json")]) for body in bodies]
    bare = bare_signature(exported, bodies)
    with ExitStack() as stack:
        pool = stack.enter_context(clients())
        bench = Bench(bodies, requests, model.answers(exported, bodies), pool, arguments.seconds)
        servers = {way: stack.enter_context(running(code)) for way, code in codes.items()}
        print(report(summarise(measure(bench, servers, bare, arguments.rounds))), flush=True)
        for way in (OURS, LITE):
            print(f"\n{overload(way, bench, servers[way], arguments.overload_seconds)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--overload-seconds", type=float, default=15.0)
    parser.add_argument("--quick", action="store_true", help="one round of shorter measurements")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.overload_seconds = 1, 1.5, 6.0
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), arguments)


if __name__ == "__main__":
    sys.exit(main())
