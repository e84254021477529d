"""`multimodal-keras export`."""

from __future__ import annotations

import argparse

from multimodal_keras.cli.loading import load_run
from multimodal_keras.cli.records import test_records
from multimodal_keras.data import read
from multimodal_keras.exporting import export


def run(options: argparse.Namespace) -> None:
    """Export a run and print its parity."""
    sample = read(options.sample) if options.sample else test_records(options.run)
    print(export(load_run(options.run), options.output, sample=sample))
