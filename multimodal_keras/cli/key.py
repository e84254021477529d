"""`multimodal-keras key`."""

from __future__ import annotations

import argparse

from multimodal_keras.serving.access import new_key


def run(options: argparse.Namespace) -> None:
    """Print a new key; only its hash is kept."""
    print(new_key(options.name, options.file))
