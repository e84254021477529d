"""One hostile request, and the good record that it is made from."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multimodal_keras.bundling.samples import made_records

BINARY = ("audio", "image", "video")
JSON = {"Content-Type": "application/json"}
BOUNDARY = "boundary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@dataclass(frozen=True)
class HostileRequest:
    """What somebody sends.

    Attributes:
        method: of HTTP.
        path: as it stands in the request line, with its query; ASCII without spaces.
        headers: without Content-Length and Host, which the client adds.
        body: of the request.
        name: to find the case again.
        is_wrong: whether it must be refused (400 to 499). Otherwise it may have stayed right by chance, and 200 will do.
    """

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    name: str = ""
    is_wrong: bool = True


def good_record(contract: Mapping[str, Any]) -> dict[str, Any]:
    """A record with every field, as `POST /predict` takes it in JSON."""
    return {field: as_json(value) for field, value in made_records(contract["modalities"], 1)[0].items()}


def as_json(value: Any) -> Any:
    """Bytes in base64, arrays as lists."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode("ascii")}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def dumped(value: Any) -> bytes:
    """JSON in ASCII: half surrogates are escaped, NaN and Infinity are bare."""
    return json.dumps(value).encode("ascii")


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    """One part of a form, up to the next boundary."""
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode("utf-8") + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """A whole form."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
