"""`multimodal-keras serve`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from multimodal_keras.serving import serve
from multimodal_keras.serving.naming import model_name, named_pairs


def run(options: argparse.Namespace) -> None:
    """Answer over HTTP until stopped."""
    serve(
        _named(options.model),
        host=options.host,
        port=options.port,
        api_keys=options.api_keys,
        origins=options.origin or (),
    )


def _named(models: Sequence[str]) -> dict[str, Path]:
    """Name to path, of arguments that are a path or `NAME=PATH`."""
    pairs = []
    for model in models:
        name, _, path = ("", "", model) if "=" not in model or Path(model).exists() else model.partition("=")
        pairs.append((name or model_name(path), Path(path)))
    return named_pairs(pairs)
