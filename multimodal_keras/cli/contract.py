"""`multimodal-keras contract diff`."""

from __future__ import annotations

import argparse
import json

from multimodal_keras.runtime.comparison import compare, read_promise


def run(options: argparse.Namespace) -> int:
    """Say whether clients of the old export can use the new one: 0 if they can, else 1."""
    comparison = compare(read_promise(options.old), read_promise(options.new))
    print(json.dumps(comparison.to_json(), indent=1, ensure_ascii=False) if options.json else comparison)
    return 0 if comparison.compatible else 1
