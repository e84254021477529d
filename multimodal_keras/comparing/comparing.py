"""Compare fusions: the same records, encoders, seeds and budget for each."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from multimodal_keras.comparing.crew import Crew, Reply, Task, shares_of_cores
from multimodal_keras.comparing.plan import ALL, Job, Plan, as_task, make_plan
from multimodal_keras.comparing.result import Comparison
from multimodal_keras.comparing.store import ADAPTED, LATENCIES, LOGS, Store
from multimodal_keras.comparing.summary import summarize


def compare(
    spec: Any,
    *,
    fusions: Any = ALL,
    seeds: int | Iterable[int] = 3,
    output: str | Path = "runs/compare",
    processes: int = 1,
    cores: int | None = None,
    export: bool = True,
    reference: str | None = None,
    bootstrap: int = 1000,
    restart: bool = False,
    verbose: bool = True,
) -> Comparison:
    """Train each fusion with each seed on the same records, and tell what it gives and costs.

    Everything but the fusion is the same: split, vocabulary, labels, encoders and their first weights, the order of the
    records, epochs and early stopping. Each training is a process's own affair: one that fails has its error in the table,
    and the others go on. Stopped by Ctrl-C or a kill, the same call goes on after the last whole training; more fusions or
    seeds are added to what is there. What failed is tried again.

    Args:
        spec: a run: the path of a run file, its content, or a `RunSpec`. Its fusion, seeds and output are not used.
        fusions: `"all"`, names (a list, or separated by commas), or a mapping of name to fusion, such as
            `{"wide": mk.GatedFusion(width=256)}`.
        seeds: how many, counted from 0, or which.
        output: the folder of the comparison.
        processes: how many trainings run at a time.
        cores: how many cores these use together; None for all.
        export: whether the first seed's models are exported as SavedModel and TFLite, measured and timed.
        reference: the fusion to compare the others with; if left out `ConcatFusion`, or the best where that is none.
        bootstrap: how many resamples for the 95 % intervals; 0 for none.
        restart: whether to throw away what the folder holds.
        verbose: whether to tell on standard error what is done and what is left.

    Returns:
        `Comparison`. `comparison.json`, `.md`, `.txt` and `pareto_<task>.png` are in the folder.

    Raises:
        ValueError: for a wrong run, an unknown fusion or reference, more processes than cores, or a folder that
            holds a comparison of other records or options.
        RuntimeError: if the records cannot be read and adapted to.
    """
    if bootstrap < 0:
        raise ValueError(f"bootstrap is 0 or more. Received {bootstrap}. Pass 0 for no intervals.")
    shares = shares_of_cores(processes, cores)
    plan = make_plan(spec, fusions, seeds, export)
    if reference is not None and reference not in plan.fusions:
        raise ValueError(
            f"The reference is one of the fusions. Received {reference!r}. Known: {', '.join(plan.fusions)}. Add it to "
            "fusions, or name another one."
        )
    store = Store(output)
    say = _Voice(verbose)
    command = [sys.executable, "-m", "multimodal_keras.comparing.worker", str(store.folder)]
    with store.alone(), Crew(command, store.folder / LOGS, shares) as crew:
        store.begin(plan, restart)
        errors = _train(crew, store, plan, say)
        errors |= _time(crew, store, plan, say)
    found = summarize(store, plan, errors, reference, bootstrap)
    found.save()
    return found


class _Voice:
    """Tells what is done and what is left."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose
        self._began, self._done, self._all = time.monotonic(), 0, 0

    def begin(self, left: int, finished: int) -> None:
        self._began, self._all = time.monotonic(), left
        already = f", {finished} are finished already" if finished else ""
        self(f"{left} trainings to do{already}")

    def over(self, job: Job, said: str) -> None:
        self._done += 1
        left = self._all - self._done
        minutes = (time.monotonic() - self._began) / self._done * left / 60
        ahead = f"; about {max(1, round(minutes))} min left" if left else ""
        self(f"[{self._done}/{self._all}] {job.name}, seed {job.seed}: {said}{ahead}")

    def __call__(self, text: str) -> None:
        if self._verbose:
            print(text, file=sys.stderr, flush=True)


def _train(crew: Crew, store: Store, plan: Plan, say: _Voice) -> dict[str, str]:
    """Do what is not finished; the name of a fusion to its first error."""
    jobs = plan.jobs()
    left = [job for job in jobs if not _is_finished(store, job)]
    say.begin(len(left), len(jobs) - len(left))
    if left and store.read(ADAPTED) is None:
        crew.do([{"do": "prepare"}], _raise)
    errors: dict[str, str] = {}

    def tell(task: Task, reply: Reply) -> None:
        job = Job(**{name: value for name, value in task.items() if name != "do"})
        if "error" in reply:
            errors.setdefault(job.name, f"seed {job.seed}: {reply['error']}")
        say.over(job, reply.get("error") or reply["said"])

    crew.do([as_task(job) for job in left], tell)
    return errors


def _is_finished(store: Store, job: Job) -> bool:
    result = store.result(job)
    if result is None or not job.export:
        return result is not None
    return "error" not in result["export"] and store.exported(job.name).exists()


def _time(crew: Crew, store: Store, plan: Plan, say: _Voice) -> dict[str, str]:
    """Time what was exported, unless just that was timed before."""
    jobs = [job for job in plan.jobs() if job.export and _is_finished(store, job)]
    stamps = {job.name: store.exported(job.name).stat().st_mtime_ns for job in jobs}
    before = store.read(LATENCIES)
    if not jobs or (before is not None and before.get("stamps") == stamps):
        return {}
    say(f"Timing {len(jobs)} exported models in turn")
    errors: dict[str, str] = {}

    def tell(task: Task, reply: Reply) -> None:
        if "error" in reply:
            say(f"No latencies: {reply['error']}")
            errors.update({job.name: f"not timed: {reply['error']}" for job in jobs})

    crew.do([{"do": "time", "stamps": stamps}], tell)
    return errors


def _raise(task: Task, reply: Reply) -> None:
    if "error" in reply:
        raise RuntimeError(
            f"What all models share could not be prepared. Received: {reply['error']}. See the folder's logs."
        )
