"""`multimodal-keras bundle`."""

from __future__ import annotations

import argparse
import importlib

from multimodal_keras.bundling import bundle
from multimodal_keras.cli.quiet import quiet_start


def run(options: argparse.Namespace) -> None:
    """Write a bundle for TensorFlow Serving, and say what is in it."""
    with quiet_start():
        # A bundle without records needs TensorFlow only, so what reads records is not imported for it.
        importlib.import_module("tensorflow")
        records = importlib.import_module("multimodal_keras.data").read(options.sample) if options.sample else None
    wished = {name: getattr(options, name) for name in ("image", "warm_up") if getattr(options, name) is not None}
    print(
        bundle(options.model, options.output, records=records, name=options.name, batching=options.batching, **wished)
    )
