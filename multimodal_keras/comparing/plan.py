"""What a comparison is of: one run, several fusions, several seeds; and what makes it this comparison."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from multimodal_keras import __version__
from multimodal_keras.base import Fusion
from multimodal_keras.data import Records
from multimodal_keras.registry import get, known
from multimodal_keras.spec import RunSpec, make_spec, read_spec
from multimodal_keras.training import import_plugin, parts_of

ALL = "all"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*")


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        name: of the fusion in the table, and of its files.
        fusion: a class name or a config dict.
        seed: of weights, dropout and the order of the records.
        export: whether the trained model is exported as well; the first seed's is.
        key: of the comparison and this job; a result with another key is of something else.
    """

    name: str
    fusion: Any
    seed: int
    export: bool
    key: str

    @property
    def file(self) -> str:
        """The stem of the names of its files."""
        return f"{self.name}-{self.seed}"


@dataclass(frozen=True)
class Plan:
    """What a comparison is of.

    Attributes:
        spec: the run; its `fusion`, `output` and seeds are not used.
        fusions: name to class name or config dict.
        seeds: each fusion is trained once with each.
        export: whether the first seed's models are exported and timed.
        facts: what all its results depend on, JSON-able: `package`, `versions`, `spec`, `plugins` and `records`.
    """

    spec: RunSpec
    fusions: dict[str, Any]
    seeds: tuple[int, ...]
    export: bool
    facts: dict[str, Any]

    def jobs(self) -> list[Job]:
        """All trainings, seed by seed, so that what is finished early is fair to all fusions."""
        return [
            Job(name, fusion, seed, exported, digest([self.facts, name, fusion, seed, exported]))
            for seed in self.seeds
            for exported in [self.export and seed == self.seeds[0]]
            for name, fusion in self.fusions.items()
        ]


def make_plan(spec: Any, fusions: Any, seeds: int | Iterable[int], export: bool) -> Plan:
    """Check what a user asked for.

    Args:
        spec: the path of a run file, its content, or a `RunSpec`.
        fusions: `"all"`, one or several names (also separated by commas), or a mapping of name to fusion.
        seeds: how many, from 0, or which.
        export: see `Plan`.

    Raises:
        ValueError: for an unknown fusion, no fusion, no seed, a wrong run, or a run without test records.
    """
    run = _run(spec)
    for plugin in run.plugins:
        import_plugin(plugin)
    parts = dict(zip(("train", "valid", "test"), parts_of(run), strict=True))
    if not parts["test"]:
        raise ValueError(
            "Fusions are compared on test records. Received a run whose split sets none aside. Let split.fractions have "
            "three parts, or name a column with train, valid and test."
        )
    return Plan(run, _fusions(fusions), _seeds(seeds), export, _facts(run, parts))


def _facts(run: RunSpec, parts: Mapping[str, Records | None]) -> dict[str, Any]:
    plugins = [Path(name) for name in run.plugins if name.endswith(".py")]
    return {
        "package": __version__,
        "versions": {"tensorflow": importlib.metadata.version("tensorflow"), "keras": keras.__version__},
        "spec": _unusual(run),
        "plugins": [hashlib.sha256(path.read_bytes()).hexdigest() for path in plugins],
        "records": {name: part.fingerprint() for name, part in parts.items() if part is not None},
    }


def _unusual(run: RunSpec) -> dict[str, Any]:
    """What a run says that matters here and is not the default. Which records it is of, `records` says."""
    usual = RunSpec(data="", modalities={}, heads={}, output="").to_dict()
    content = run.to_dict()
    training = {name: value for name, value in content["training"].items() if value != usual["training"][name]}
    content["training"] = {name: value for name, value in training.items() if name not in ("seed", "cache")}
    unused = ("data", "valid", "fusion", "output", "seed")
    return {name: value for name, value in content.items() if name not in unused and value != usual[name]}


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The names of the fields that differ, such as `spec.training.epochs`."""
    found = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{prefix}{name}.")
        elif old != new:
            found.append(f"{prefix}{name}")
    return found


def digest(content: Any) -> str:
    """A SHA-256 (hex) of JSON-able content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()


def _run(spec: Any) -> RunSpec:
    if isinstance(spec, RunSpec):
        return spec
    if not isinstance(spec, (str, Path, Mapping)):
        raise TypeError(
            "A comparison is of a run: the path of a run file, its content or a RunSpec. Received a "
            f"{type(spec).__name__}. Pass 'run.yaml', or a dict with data, modalities and heads."
        )
    content = dict(spec) if isinstance(spec, Mapping) else read_spec(spec)
    return make_spec({"output": "", **content})


def _fusions(wished: Any) -> dict[str, Any]:
    if isinstance(wished, str):
        wished = known(Fusion) if wished == ALL else [name.strip() for name in wished.split(",") if name.strip()]
    if not isinstance(wished, Iterable):
        raise TypeError(
            "fusions is 'all', names, or a mapping of name to fusion. Received a "
            f"{type(wished).__name__}. Pass {{'mine': fusion}}."
        )
    if not isinstance(wished, Mapping):
        named = [(name if isinstance(name, str) else type(get(name, Fusion)).__name__, name) for name in wished]
        wished = dict(named)
        if len(wished) < len(named):
            twice = next(name for name in wished if [other for other, _ in named].count(name) > 1)
            raise ValueError(
                f"Each fusion has a name of its own. Received {twice} twice. Leave one out, or pass a mapping of name to "
                "fusion."
            )
    found = {name: _described(fusion) for name, fusion in wished.items()}
    wrong = [name for name in found if not _NAME.fullmatch(name)]
    if wrong or not found:
        raise ValueError(
            "A comparison is of one or more fusions, whose names have letters, digits, spaces, dots, dashes and "
            f"underscores. Received {', '.join(map(repr, wrong)) or 'none'}. Pass 'all', or names of fusions."
        )
    return found


def _described(fusion: Any) -> Any:
    made = get(fusion, Fusion)
    if isinstance(fusion, str):
        return fusion
    config = {key: value for key, value in made.get_config().items() if key not in ("name", "dtype", "trainable")}
    return {"class_name": type(made).__name__, "config": json.loads(json.dumps(config))}


def _seeds(wished: int | Iterable[int]) -> tuple[int, ...]:
    seeds = tuple(range(wished)) if isinstance(wished, int) else tuple(dict.fromkeys(wished))
    if not seeds or not all(isinstance(seed, int) and seed >= 0 for seed in seeds):
        raise ValueError(
            f"seeds is how many there are, or which: numbers from 0. Received {wished!r}. Pass 3, or (0, 1, 2)."
        )
    return seeds


def as_task(job: Job) -> dict[str, Any]:
    """A job as a process is told it."""
    return {"do": "train", **dataclasses.asdict(job)}
