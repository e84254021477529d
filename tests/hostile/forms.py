"""Forms that no record can be read from."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from hostile.request import BINARY, BOUNDARY, FORM, HostileRequest, form, part

PATHS = ("/predict", "/api/multimodal")


def wrong_forms(contract: Mapping[str, Any], good: Mapping[str, Any]) -> Iterator[HostileRequest]:
    """Requests with a form.

    Args:
        contract: of the model.
        good: a record that is right, as JSON has it.
    """
    bodies = {**_any_form(), **_of_fields(contract, good)}
    for number, (name, body) in enumerate(bodies.items()):
        yield HostileRequest("POST", PATHS[number % 2], FORM, body, f"form: {name}")
    whole = whole_form(contract, good)
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=another",
        f"multipart/form-data; boundary={'b' * 5_000}",
        'multipart/form-data; boundary="a',
        "application/x-www-form-urlencoded",
        f"multipart/mixed; boundary={BOUNDARY}",
        "application/octet-stream",
        "text/html; charset=utf-7",
        ";;;",
    ):
        yield HostileRequest("POST", "/predict", {"Content-Type": kind}, whole, f"form sent as {kind[:40]}")
    yield HostileRequest("POST", "/predict", FORM, b'{"records": []}', "JSON sent as a form")


def whole_form(contract: Mapping[str, Any], good: Mapping[str, Any]) -> bytes:
    """A form with every field of a record that a form can have: texts and files."""
    return form(*_parts(contract, good).values())


def _any_form() -> dict[str, bytes]:
    return {
        "nothing": b"",
        "no part": form(),
        "only a line": f"--{BOUNDARY}\r\n".encode(),
        "another boundary": b"--another\r\n\r\nx\r\n--another--\r\n",
        "part without a head": f"--{BOUNDARY}\r\nabc\r\n--{BOUNDARY}--\r\n".encode(),
        "part without a name": f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        "empty name": form(part("", b"x")),
        "unknown field": form(part("nobody_knows", b"x")),
        "unknown file": form(part("nobody_knows", b"x", "a.png")),
        "path as a name": form(part("../../etc/passwd", b"x", "../../etc/passwd")),
        "records in a field": form(part("records", b"[{}]")),
        "many parts": form(*(part(f"field_{number}", b"x") for number in range(300))),
        "long head": f"--{BOUNDARY}\r\nA: {'a' * 100_000}\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        "head that never ends": f"--{BOUNDARY}\r\n".encode() + b"A: b\r\n" * 10_000,
        "binary": bytes(range(256)) * 20,
        "large": form(part("nobody_knows", b"x" * 3_000_000)),
    }


def _of_fields(contract: Mapping[str, Any], good: Mapping[str, Any]) -> dict[str, bytes]:
    cases: dict[str, bytes] = {}
    parts = _parts(contract, good)
    every = b"".join(parts.values())
    for field, facts in contract["modalities"].items():
        if field not in parts:
            continue
        cases[f"{field} twice"] = form(every, parts[field])
        cases[f"{field} in another place"] = form(every, part(f"{field}[0]", b"x"))
        if facts["kind"] in BINARY:
            others = b"".join(content for name, content in parts.items() if name != field)
            cases[f"{field} as text"] = form(others, part(field, b"a.png"))
            cases[f"{field} of text"] = form(others, part(field, b"hello world", "a.png"))
            if not facts["optional"]:
                cases[f"{field} empty"] = form(others, part(field, b"", "a.png"))
                cases[f"no {field}"] = form(others)
            cases[f"{field} cut off"] = (others + parts[field])[: len(others) + len(parts[field]) // 2]
    return cases


def _parts(contract: Mapping[str, Any], good: Mapping[str, Any]) -> dict[str, bytes]:
    parts = {}
    for field, facts in contract["modalities"].items():
        value = good[field]
        if isinstance(value, dict):
            content = base64.b64decode(value["b64"])
            parts[field] = part(field, content, "../a.png" if facts["kind"] in BINARY else None)
        elif isinstance(value, str):
            parts[field] = part(field, value.encode("utf-8"))
    return parts
