"""`multimodal-keras serve`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multimodal_keras.cli.tuning.settings import Setting, read_tuning
from multimodal_keras.serving import serve
from multimodal_keras.serving.naming import model_name, named_pairs


def run(options: argparse.Namespace) -> None:
    """Answer over HTTP until stopped."""
    tuned: dict[str, Any] = {} if options.tuning is None else _tuned(read_tuning(options.tuning))
    access = {"api_keys": options.api_keys, "origins": options.origin or ()}
    serve(_named(options.model), host=options.host, port=options.port, **access, **tuned)


def _tuned(setting: Setting) -> dict[str, Any]:
    """Options of `serve`. TensorFlow reads its own from the environment when it is imported, which it is not yet."""
    if setting.intra_op_threads:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(setting.intra_op_threads))
    return setting.options()


def _named(models: Sequence[str]) -> dict[str, Path]:
    """Name to path, of arguments that are a path or `NAME=PATH`."""
    pairs = []
    for model in models:
        name, _, path = ("", "", model) if "=" not in model or Path(model).exists() else model.partition("=")
        pairs.append((name or model_name(path), Path(path)))
    return named_pairs(pairs)
