"""`multimodal-keras predict`."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from multimodal_keras.cli.quiet import quiet_start
from multimodal_keras.data import read
from multimodal_keras.prediction import RUN_MODEL, load_predictor


def run(options: argparse.Namespace) -> int:
    """Answer records as JSON lines, one for each record; skipped ones are counted on stderr."""
    skipped: list[dict[str, Any]] = []
    source: Any = options.model
    if Path(source, RUN_MODEL).exists():
        # Only a run needs Keras, and the plugins that it was trained with.
        source = importlib.import_module("multimodal_keras.cli.loading").load_run(source)
    with quiet_start():
        predictor = load_predictor(source)
    stream = predictor.stream(read(options.data), options.batch_size, options.on_error, skipped)
    count = 0
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(Path(options.output).open("w", encoding="utf-8")) if options.output else sys.stdout
        for origin, answer in stream:
            out.write(json.dumps({"row": origin.row, **answer}, ensure_ascii=False) + "\n")
            count += 1
    where = f"; {options.output}" if options.output else ""
    print(f"{count - len(skipped)} records answered, {len(skipped)} skipped{where}", file=sys.stderr)
    return 0
