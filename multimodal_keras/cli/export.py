"""`multimodal-keras export`."""

from __future__ import annotations

import argparse
import dataclasses

from multimodal_keras.cli.loading import load_run
from multimodal_keras.cli.records import calibration_records, test_records
from multimodal_keras.data import read
from multimodal_keras.exporting import TFLiteOptions, export


def run(options: argparse.Namespace) -> None:
    """Export a run and print its parity."""
    sample = read(options.sample) if options.sample else test_records(options.run)
    calibration = read(options.calibration) if options.calibration else None
    names = [field.name for field in dataclasses.fields(TFLiteOptions)]
    wished = {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}
    refit = read(options.refit) if options.refit else calibration_records(options.run)
    model = load_run(options.run)
    print(export(model, options.output, sample=sample, calibration=calibration, refit=refit, **wished))
