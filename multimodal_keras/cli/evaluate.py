"""`multimodal-keras evaluate`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from multimodal_keras.cli.loading import load_run
from multimodal_keras.cli.records import test_records
from multimodal_keras.data import read
from multimodal_keras.evaluation import evaluate


def run(options: argparse.Namespace) -> None:
    """Measure a run and write its report."""
    model = load_run(options.run)
    records = read(options.data) if options.data else test_records(options.run)
    history = Path(options.run, "history.json")
    report = evaluate(model, records, history=json.loads(history.read_text()) if history.exists() else None)
    if options.json:
        print(json.dumps(report.to_dict(), indent=1, ensure_ascii=False))
        return
    folder = Path(options.output or Path(options.run, "evaluation"))
    report.save(folder)
    print(f"{report}\n{folder / 'report.html'}")
