"""Every fusion trained, exported and measured alike, in processes of their own, into one table.

Importing this imports neither TensorFlow nor Keras: its processes choose their cores first.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multimodal_keras.comparing.bundled import clipart_run
    from multimodal_keras.comparing.comparing import compare
    from multimodal_keras.comparing.result import Comparison, Row, TaskScore

__all__ = ["Comparison", "Row", "TaskScore", "clipart_run", "compare"]

_HOME = {
    "Comparison": "result",
    "Row": "result",
    "TaskScore": "result",
    "clipart_run": "bundled",
    "compare": "comparing",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
