"""How tests write values."""

from __future__ import annotations

import base64


def b64(content: bytes) -> dict[str, str]:
    """Bytes as JSON."""
    return {"b64": base64.b64encode(content).decode("ascii")}
