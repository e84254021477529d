"""Records: read them from anywhere, split them, and feed them to a model. Importing this does not import TensorFlow."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from multimodal_keras.data.bundled import clipart
from multimodal_keras.data.readers import read
from multimodal_keras.data.records import Records

if TYPE_CHECKING:
    from multimodal_keras.data.pipeline import Pipeline, batches
    from multimodal_keras.data.raw import RawBatch, raw_batches

__all__ = ["Pipeline", "RawBatch", "Records", "batches", "clipart", "raw_batches", "read"]

_LAZY = {"Pipeline": "pipeline", "batches": "pipeline", "RawBatch": "raw", "raw_batches": "raw"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
