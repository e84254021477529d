"""`multimodal-keras inspect`."""

from __future__ import annotations

import argparse
import importlib
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multimodal_keras.prediction import RUN_MODEL
from multimodal_keras.runtime.artefacts import PARITY, is_artefact, read_contract
from multimodal_keras.runtime.inside import operators, packed_files


def run(options: argparse.Namespace) -> None:
    """Print what goes into a model and what comes out."""
    path = Path(options.path)
    if path.exists() and is_artefact(path):
        folder = path.parent if path.suffix == ".tflite" else path
        contract = read_contract(path)
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
    if path.suffix == ".tflite":
        print("\n".join(_inside(path, contract["tflite"])))
    if parity.exists():
        print(_parity(json.loads(parity.read_text(encoding="utf-8"))))


def _lines(contract: Mapping[str, Any], signature: Mapping[str, Any]) -> list[str]:
    lines = ["inputs"]
    for name, spec in signature["inputs"].items():
        facts = contract["modalities"].get(name, {})
        said = [f"{key} {facts[key]}" for key in ("unit", "sequence_length", "size", "resize") if facts.get(key)]
        said += [f"{len(facts['vocabulary'])} tokens"] if facts.get("vocabulary") else []
        said += [f"{column['name']} {column['kind']}" for column in facts.get("columns", ())]
        said += ["may be missing"] if facts.get("optional") else []
        lines.append(
            f"  {name:24}{spec['dtype']:9}{_shape(spec):18}{', '.join([facts.get('kind', ''), *said]).strip(', ')}"
        )
    lines.append("outputs")
    for name, spec in signature["outputs"].items():
        # What a part of a model hands to the next one is no task.
        task = contract["tasks"].get(name, {})
        labels = task.get("labels", [])
        listed = f": {', '.join(labels[:12])}{' ...' if len(labels) > 12 else ''}" if labels else ""
        lines.append(f"  {name:24}{spec['dtype']:9}{_shape(spec):18}{task.get('kind', '')}{listed}".rstrip())
    versions = ", ".join(f"{name} {version}" for name, version in contract["package"].items())
    return [*lines, f"made by {versions}"]


def _inside(path: Path, facts: Mapping[str, Any]) -> list[str]:
    lines = ["files inside"]
    lines += [f"  {name:42}{size:>12,} bytes" for name, size in packed_files(path).items()]
    counts = operators(path)
    lines.append(f"operators: {sum(counts.values())}")
    listed = ", ".join(f"{name}:{count}" for name, count in counts.items())
    lines += textwrap.wrap(listed, 100, initial_indent="  ", subsequent_indent="  ")
    return [*lines, f"this file {facts['warning']}"] if "warning" in facts else lines


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
