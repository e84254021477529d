"""`multimodal-keras robustness`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from multimodal_keras.cli.records import RUN_FILE, test_records
from multimodal_keras.data import read
from multimodal_keras.perturbing import robustness


def run(options: argparse.Namespace) -> int:
    """Measure a model's robustness; 1 if it falls short of what was asked for."""
    if options.data is None and not Path(options.model, RUN_FILE).exists():
        raise ValueError(
            f"--data names labelled records. Received none for {options.model!r}, which is no run folder. Name some."
        )
    records = read(options.data) if options.data else test_records(options.model)
    strengths = [part for part in options.strengths.split(",") if part.strip()]
    found = robustness(options.model, records, strengths=strengths, seed=options.seed)
    print(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if options.json else found)
    if options.output:
        print(found.save(options.output), file=sys.stderr)
    failures = found.failures(options.min_retained, options.min_single)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0
