"""What an output was made from, by content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from multimodal_keras import __version__
from multimodal_keras.prediction import RUN_MODEL
from multimodal_keras.runtime.artefacts import CONTRACT, SAVEDMODEL

# Of a run its model; of an exported folder what its answers come from.
_MODEL_FILES = (RUN_MODEL, SAVEDMODEL, CONTRACT, "variables/*", "assets/*")


def identity(model: Path, data: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Equal for what gives equal outputs.

    Args:
        model: a run, an exported folder, or one file.
        data: a file of records, or a folder of class folders. The files that records name are not looked at.
        options: whatever else the output depends on.
    """
    return {
        "model": _digest(model, _inside(model, *_MODEL_FILES)),
        "data": f"{data} {_digest(data, _inside(data, '*/*'))}",
        "version": __version__,
        **options,
    }


def _inside(path: Path, *patterns: str) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for pattern in patterns for file in path.glob(pattern) if file.is_file())


def _digest(top: Path, files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            total.update(f"{path.relative_to(top)}:{hashlib.file_digest(file, 'sha256').hexdigest()};".encode())
    return total.hexdigest()
