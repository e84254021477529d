"""Arrays to JSON text, with the digits that TensorFlow Serving writes."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

_BYTES_SUFFIX = "_bytes"
_TOKENS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def write_array(name: str, array: np.ndarray) -> str:
    """One output as JSON.

    Args:
        name: of the output; strings named `*_bytes` are written as `{"b64": ...}`.
        array: of numbers, booleans or strings, of any shape.

    Returns:
        Nested arrays. Floats are the shortest text that reads back as the same number **of their own width**, whole
        numbers with `.0`; NaN, Infinity and -Infinity are bare.
    """
    if array.ndim > 1:
        return "[" + ",".join(write_array(name, part) for part in array) + "]"
    texts = _texts(name, array.reshape(-1))
    return "[" + ",".join(texts) + "]" if array.ndim else texts[0]


def _texts(name: str, values: np.ndarray) -> list[str]:
    if values.dtype.kind == "f":
        # str() of a numpy scalar is the shortest text; tolist() would widen float32 to float64 first.
        texts = [str(value) for value in values]
        return texts if np.isfinite(values).all() else [_TOKENS.get(text, text) for text in texts]
    if values.dtype.kind in "iub":
        return [json.dumps(value) for value in values.tolist()]
    if values.dtype.kind in "OSU":
        return [json.dumps(_string(name, value), ensure_ascii=False) for value in values.tolist()]
    return [str(value) for value in values.astype(np.float32)]


def _string(name: str, value: Any) -> Any:
    content = value if isinstance(value, bytes) else str(value).encode("utf-8")
    if name.endswith(_BYTES_SUFFIX):
        return {"b64": base64.b64encode(content).decode("ascii")}
    return content.decode("utf-8", "replace")
