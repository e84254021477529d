"""`multimodal-keras explain --inside`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from multimodal_keras.attributing import attribute
from multimodal_keras.cli.loading import load_run
from multimodal_keras.data import read
from multimodal_keras.prediction import RUN_MODEL


def run(options: argparse.Namespace) -> int:
    """Print what inside of the fields the answers rest on; with an output, write numbers, pictures and a page."""
    if options.output and Path(options.output).suffix:
        raise ValueError(
            f"What is inside of fields is written into a folder. Received {options.output!r}. Leave the suffix out."
        )
    labels = dict(map(_label, options.label or ()))
    source: Any = options.model
    if Path(source, RUN_MODEL).exists():
        source = load_run(source)
    skipped: list[dict[str, Any]] = []
    found = attribute(
        source,
        read(options.data),
        labels=labels,
        **({} if options.steps is None else {"steps": options.steps}),
        batch_size=options.batch_size,
        on_error=options.on_error,
        skipped=skipped,
    )
    print(found)
    if skipped:
        print(f"{len(skipped)} records skipped", file=sys.stderr)
    if options.output:
        print(found.save(options.output) / "page.html", file=sys.stderr)
    return 0


def _label(text: str) -> tuple[str, str]:
    task, sign, label = text.partition("=")
    if not sign:
        raise ValueError(f"--label is a task and its label, such as subject=animals. Received {text!r}. Write both.")
    return task, label
