"""`multimodal-keras inspect`."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multimodal_keras.prediction import RUN_MODEL
from multimodal_keras.runtime.artefacts import PARITY, is_artefact, read_contract


def run(options: argparse.Namespace) -> None:
    """Print what goes into a model and what comes out."""
    path = Path(options.path)
    if is_artefact(path):
        folder = path.parent if path.suffix == ".tflite" else path
        contract = read_contract(folder)
        parity = folder / PARITY
    elif (path / RUN_MODEL).exists():
        # Only a run needs Keras to be read.
        loading = importlib.import_module("multimodal_keras.cli.loading")
        contract = importlib.import_module("multimodal_keras.exporting").contract(loading.load_run(path))
        parity = path / PARITY
    else:
        raise ValueError(f"There is a run, an export or a .tflite file to inspect. Received {options.path!r}: none.")
    if options.json:
        print(json.dumps(contract, indent=1, ensure_ascii=False))
        return
    signature = contract["tflite"] if path.suffix == ".tflite" else contract["signatures"]["serving_default"]
    print("\n".join([f"{path}", *_lines(contract, signature)]))
    if parity.exists():
        print(_parity(json.loads(parity.read_text(encoding="utf-8"))))


def _lines(contract: Mapping[str, Any], signature: Mapping[str, Any]) -> list[str]:
    lines = ["inputs"]
    for name, spec in signature["inputs"].items():
        facts = contract["modalities"].get(name, {})
        said = [f"{key} {facts[key]}" for key in ("unit", "sequence_length", "size", "resize") if facts.get(key)]
        said += [f"{len(facts['vocabulary'])} tokens"] if facts.get("vocabulary") else []
        said += ["may be missing"] if facts.get("optional") else []
        lines.append(
            f"  {name:24}{spec['dtype']:9}{_shape(spec):18}{', '.join([facts.get('kind', ''), *said]).strip(', ')}"
        )
    lines.append("outputs")
    for name, spec in signature["outputs"].items():
        task = contract["tasks"][name]
        labels = (
            f": {', '.join(task['labels'][:12])}{' ...' if len(task['labels']) > 12 else ''}"
            if "labels" in task
            else ""
        )
        lines.append(f"  {name:24}{spec['dtype']:9}{_shape(spec):18}{task['kind']}{labels}")
    versions = ", ".join(f"{name} {version}" for name, version in contract["package"].items())
    return [*lines, f"made by {versions}"]


def _shape(spec: Mapping[str, Any]) -> str:
    return f"({', '.join('batch' if size is None else str(size) for size in spec['shape'])})"


def _parity(report: Mapping[str, Any]) -> str:
    rows = [row for row in report["rows"] if "passed" in row]
    worst = {
        way: max(row["largest_difference"] for row in rows if row["way"] == way)
        for way in dict.fromkeys(row["way"] for row in rows)
    }
    said = ", ".join(f"{way} {difference:.1e}" for way, difference in worst.items())
    return f"largest difference from Keras on {report['records']} records: {said}"
