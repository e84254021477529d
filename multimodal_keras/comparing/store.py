"""The folder of a comparison: every file is put in place by a rename, so that a kill leaves none that is half."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.comparing.plan import Job, Plan, differences

PLAN, ADAPTED, LATENCIES = "plan.json", "adapted.json", "latencies.json"
LOCK = ".lock"
RESULTS, EXPORTED, CACHE, LOGS = "results", "exported", "cache", "logs"

Answers = dict[str, np.ndarray]


class Store:
    """What a comparison keeps.

    Args:
        folder: where.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Within this context no other process works in the folder, where the system has such locks.

        Raises:
            ValueError: if one does.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("a") as file:
            if importlib.util.find_spec("fcntl"):
                fcntl = importlib.import_module("fcntl")
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise ValueError(
                        f"One process at a time compares in a folder. Received {str(self.folder)!r}, where another one "
                        "does. Wait for it, or choose another folder."
                    ) from None
            yield

    def begin(self, plan: Plan, restart: bool) -> None:
        """Write the plan, or check that the folder holds the same one.

        Raises:
            ValueError: if the folder holds a comparison of something else, and `restart` is False.
        """
        before = self.read(PLAN)
        changed = [] if before is None else differences(before["facts"], plan.facts)
        if changed and not restart:
            raise ValueError(
                f"A comparison's folder goes on with what it began with. Received {str(self.folder)!r}, where these were "
                f"others: {', '.join(changed)}. Choose another folder, or start over with restart=True (--restart)."
            )
        if restart:
            for name in (RESULTS, EXPORTED, CACHE, LOGS):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            for name in (PLAN, ADAPTED, LATENCIES):
                (self.folder / name).unlink(missing_ok=True)
        for name in (RESULTS, EXPORTED, CACHE, LOGS):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            for unfinished in (self.folder / name).glob(".*"):  # of a process that was killed
                shutil.rmtree(unfinished) if unfinished.is_dir() else unfinished.unlink()
        self.write(PLAN, {"facts": plan.facts, "run": plan.spec.to_dict()})

    def read(self, name: str) -> Any:
        """The content of a JSON file, or None if it is not there."""
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def write(self, name: str, content: Any) -> None:
        """Write a JSON file."""
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        replace(self.folder / name, text.encode("utf-8"))

    def result(self, job: Job) -> dict[str, Any] | None:
        """The result of a job, if it is finished and this very job's."""
        found = self.read(f"{RESULTS}/{job.file}.json")
        return found if found is not None and found["key"] == job.key else None

    def keep(self, job: Job, result: Mapping[str, Any], answers: Answers) -> None:
        """Keep what came of a job; the JSON file comes last and says that it is finished."""
        path = self.folder / RESULTS / f"{job.file}.npz"
        beside = path.with_name(f".{os.getpid()}-{path.name}")
        arrays: Any = answers
        np.savez_compressed(beside, **arrays)
        os.replace(beside, path)
        self.write(f"{RESULTS}/{job.file}.json", {"key": job.key, **result})

    def answers(self, job: Job) -> Answers:
        """What a finished job's model answered: see `jobs.train`."""
        with np.load(self.folder / RESULTS / f"{job.file}.npz", allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}

    def exported(self, name: str) -> Path:
        """The folder of a fusion's export."""
        return self.folder / EXPORTED / name


def replace(path: Path, content: bytes) -> None:
    """Write a file beside its place and rename it."""
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    beside.write_bytes(content)
    os.replace(beside, path)
