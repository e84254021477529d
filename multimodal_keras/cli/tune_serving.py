"""`multimodal-keras tune-serving`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from multimodal_keras.bundling.samples import json_value, raw_records
from multimodal_keras.cli.tuning import DEFAULT, Row, best, grid, measure, table, write_tuning
from multimodal_keras.cli.tuning.server import running
from multimodal_keras.data import read
from multimodal_keras.runtime.artefacts import SAVEDMODEL, read_contract
from multimodal_keras.serving.naming import model_name
from multimodal_keras.serving.versions import versions_in

RECORDS = 64
MOST_CLIENTS, MOST_SECONDS, MOST_ROUNDS = 256, 60.0, 20
# What a start costs is not known beforehand; this is TensorFlow's on a small machine.
_START_SECONDS = 10


def run(options: argparse.Namespace) -> None:
    """Measure, print a table, and write the best setting."""
    for name, given, most in (
        ("--clients", options.clients, MOST_CLIENTS),
        ("--seconds", [options.seconds], MOST_SECONDS),
        ("--rounds", [options.rounds], MOST_ROUNDS),
    ):
        if not given or not 0 < min(given) <= max(given) <= most:
            raise ValueError(f"{name} is above 0, and {most} at most. Received {given}. Choose others.")
    model = _newest(Path(options.model))
    contract, is_lite = read_contract(model), model.suffix == ".tflite"
    bodies = request_bodies(contract, options.data)
    # A TFLite file is called record by record, and not by TensorFlow.
    tried = {"max_batch": [DEFAULT.max_batch], "intra_op_threads": [0]} if is_lite else {
        "max_batch": options.max_batch, "intra_op_threads": options.intra_op_threads
    }  # fmt: skip
    settings = grid({**tried, "max_waiting": options.max_waiting, "threads": options.threads})
    each = 1.25 * options.seconds * len(options.clients) + _START_SECONDS
    minutes = each * len(settings) * options.rounds / 60
    _tell(f"{len(settings)} settings, {options.rounds} rounds: about {minutes:.0f} minutes")
    rows = measure(settings, bodies, options.clients, options.seconds, options.rounds, partial(running, model), _tell)
    chosen = best(rows)
    facts = {"model": model_name(model), "cores": os.cpu_count(), "measured": [_facts(row) for row in rows]}
    write_tuning(Path(options.output), chosen, facts)
    print(table(rows))
    what = "no setting was faster in every round; the default stays" if chosen == DEFAULT else f"best: {chosen}"
    print(f"{what}; {options.output}")


def _newest(path: Path) -> Path:
    """A version, or a file: the newest version of a model's folder."""
    if path.is_dir() and not (path / SAVEDMODEL).exists():
        found = versions_in(path)
        return found[0][1] if found else path
    return path


def request_bodies(contract: Mapping[str, Any], data: str | None) -> list[bytes]:
    """Requests to `/predict`, of real records, or of some made up from the contract."""
    records = None if data is None else read(data)
    given = None if records is None else list(islice(records, RECORDS))
    raws = raw_records(contract, given, RECORDS, getattr(records, "folder", None))
    fields = contract["modalities"]
    return [
        json.dumps({field: json_value(fields[field], value) for field, value in raw.items()}).encode("utf-8")
        for raw in raws
    ]


def _facts(row: Row) -> dict[str, Any]:
    load = row.load
    told = {"clients": row.clients, "round": row.round, "rate": round(load.rate, 1)}
    if load.seconds:
        told |= {"p50_ms": round(1e3 * load.quantile(0.5), 2), "p99_ms": round(1e3 * load.quantile(0.99), 2)}
    return {**vars(row.setting), **told, "busy": load.busy, "errors": load.errors}


def _tell(what: str) -> None:
    print(what, file=sys.stderr)
