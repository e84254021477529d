"""`multimodal-keras explain`."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from multimodal_keras.cli.batch import JSONLines, Unfinished, identity, write_answers
from multimodal_keras.cli.sources import load_source
from multimodal_keras.data import Records, read
from multimodal_keras.runtime.explanations import summarise, summary_table
from multimodal_keras.runtime.predicting import Explainer


def run(options: argparse.Namespace) -> int:
    """Print which modality mattered; with an output, write the answers with their contributions too."""
    if options.inside:
        return int(importlib.import_module("multimodal_keras.cli.inside").run(options))
    if options.label:
        raise ValueError(f"--label says what --inside asks about. Received {options.label[0]!r} alone. Add --inside.")
    if options.steps is not None:
        raise ValueError(f"--steps is how closely --inside asks. Received {options.steps} alone. Add --inside.")
    output = Path(options.output) if options.output else None
    if output is not None and output.suffix != ".jsonl":
        raise ValueError(f"Contributions are written as .jsonl. Received {str(output)!r}. Rename it.")
    explainer = Explainer(load_source(options.model))
    records = read(options.data)
    skipped: list[dict[str, Any]] = []
    if output is None:
        answers: Iterator[Mapping[str, Any]] = _answers(explainer, records, options, skipped)
    else:
        _write(explainer, records, options, output)
        answers = _read_back(output)
    print(summary_table(summarise(answers)))
    if skipped:
        print(f"{len(skipped)} records skipped", file=sys.stderr)
    return 0


def _answers(
    explainer: Explainer, records: Records, options: argparse.Namespace, skipped: list[dict[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    for _, answer in explainer.stream(records, _size(explainer, options), options.on_error, skipped):
        yield answer


def _write(explainer: Explainer, records: Records, options: argparse.Namespace, output: Path) -> None:
    size = _size(explainer, options)
    if output.exists() and Path(options.data).exists() and output.samefile(options.data):
        raise ValueError(f"An output is another file than the records. Received {str(output)!r} for both. Rename one.")
    made_from = identity(Path(options.model), Path(options.data), {"batch size": size, "contributions": True})
    with Unfinished(output, made_from, options.restart) as unfinished:
        form = JSONLines(explainer.contract, probabilities=True)
        write_answers(explainer, records, form, unfinished, size, options.on_error)
    told = f"{unfinished.rows - unfinished.skipped} records answered, {unfinished.skipped} skipped; {output}"
    print(told, file=sys.stderr)


def _size(explainer: Explainer, options: argparse.Namespace) -> int:
    return explainer.batch_size if options.batch_size is None else options.batch_size


def _read_back(output: Path) -> Iterator[Mapping[str, Any]]:
    with output.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
