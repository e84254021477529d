"""`multimodal-keras serve`."""

from __future__ import annotations

import argparse

from multimodal_keras.serving import serve


def run(options: argparse.Namespace) -> None:
    """Answer over HTTP until stopped."""
    serve(options.model, host=options.host, port=options.port, api_keys=options.api_keys, origins=options.origin or ())
