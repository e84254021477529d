"""TensorFlow Serving's paths, which are matched as a whole, in any case, before they are URL-decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from multimodal_keras.serving.refusal import Refusal

_MODEL = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(rf"/v1/models/(?P<name>[^/:]+){_MODEL}:(?P<verb>classify|regress|predict)", re.IGNORECASE)
_GET = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_MODEL}(?:/(?P<verb>metadata))?", re.IGNORECASE)
_BELOW = re.compile(r"/v1/", re.IGNORECASE)
_LARGEST = 2**63 - 1
_LONGEST = 200


@dataclass(frozen=True)
class Target:
    """What a path names.

    Attributes:
        verb: `"predict"`, `"classify"`, `"regress"`, `"metadata"` or `"status"`.
        name: of the model, None if there is none.
        version: None for any.
        label: None for none.
    """

    verb: str
    name: str | None
    version: int | None
    label: str | None


def is_rest(path: str) -> bool:
    """Whether a raw path belongs to TensorFlow Serving's."""
    return _BELOW.match(path) is not None


def parse_path(method: str, path: str) -> Target:
    """What a raw path names.

    Args:
        method: of HTTP.
        path: not URL-decoded, without a query.

    Returns:
        `Target`.

    Raises:
        Refusal: if it is none of TensorFlow Serving's, or its version is beyond int64.
    """
    pattern = {"POST": _POST, "GET": _GET}.get(method)
    found = pattern.fullmatch(path) if pattern else None
    if not found:
        raise Refusal(f"Malformed request: {method} {path[:_LONGEST]}")
    digits = found["version"] and (found["version"].lstrip("0") or "0")
    version = int(digits[:20]) if digits else None
    if version is not None and version > _LARGEST:
        raise Refusal(f"Failed to convert version: {found['version'][:_LONGEST]} to numeric.")
    name, label = (unquote(found[part], errors="replace") if found[part] else None for part in ("name", "label"))
    return Target((found["verb"] or "status").lower(), name, version, label)
