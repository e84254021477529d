"""`multimodal-keras predict`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from multimodal_keras.cli.batch import JSONLines, Unfinished, format_of, identity, write_answers
from multimodal_keras.cli.sources import load_source
from multimodal_keras.data import Records, read
from multimodal_keras.runtime.predicting import Predictor


def run(options: argparse.Namespace) -> int:
    """Answer records, one row for each; skipped ones are counted on stderr."""
    form = _form(options)
    predictor = load_source(options.model)
    records = read(options.data)
    if form is None:
        rows, skipped = _print_answers(predictor, records, options)
        where = ""
    else:
        written = form(predictor.contract, options.probabilities)
        facts = {"batch size": options.batch_size, "probabilities": options.probabilities}
        made_from = identity(Path(options.model), Path(options.data), facts)
        with Unfinished(Path(options.output), made_from, options.restart) as unfinished:
            write_answers(predictor, records, written, unfinished, options.batch_size, options.on_error)
        rows, skipped = unfinished.rows, unfinished.skipped
        where = f"; {options.output}"
    print(f"{rows - skipped} records answered, {skipped} skipped{where}", file=sys.stderr)
    return 0


def _form(options: argparse.Namespace) -> type[JSONLines] | None:
    """The output's format; None for standard output."""
    if not options.output:
        return None
    output = Path(options.output)
    if output.exists() and Path(options.data).exists() and output.samefile(options.data):
        raise ValueError(f"An output is another file than the records. Received {str(output)!r} for both. Rename one.")
    return format_of(output)


def _print_answers(predictor: Predictor, records: Records, options: argparse.Namespace) -> tuple[int, int]:
    """Answer on standard output; how many rows, and how many of them skipped."""
    rows = count = 0
    skipped: list[dict[str, Any]] = []
    for origin, answer in predictor.stream(records, options.batch_size, options.on_error, skipped):
        print(json.dumps({"row": origin.row, **answer}, ensure_ascii=False))
        rows += 1
        count += len(skipped)
        skipped.clear()
    return rows, count
