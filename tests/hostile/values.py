"""Values that a field of a model cannot take, in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hostile.files import odd_files, wrong_files
from hostile.request import BINARY, as_json


def wrong_values(facts: Mapping[str, Any], spec: Mapping[str, Any], good: Any) -> Iterator[tuple[str, Any]]:
    """Name and value.

    Args:
        facts: of the field, from `modalities` of the contract.
        spec: of the same name, from the inputs of `serving_default`.
        good: a value that is right.
    """
    nested: list[Any] = []
    for _ in range(400):
        nested = [nested]
    yield from {
        "an empty object": {},
        "true": True,
        "deep arrays": nested,
        "another object": {"url": "http://127.0.0.1:1/a"},
        "b64 of a number": {"b64": 1},
        "b64 of null": {"b64": None},
        "b64 of an object": {"b64": {"b64": "eA=="}},
        "b64 and more": {"b64": "eA==", "path": "/etc/passwd"},
        "b64 in capitals": {"B64": "eA=="},
        "bad base64": {"b64": "*"},
        "base64 with a hole": {"b64": "e===A"},
        "base64 of one character": {"b64": "e"},
        "base64 not in ASCII": {"b64": "é"},
        "data address in base64": {"b64": "data:image/png;base64,eA=="},
        "half a surrogate": "a\ud800",
        "one array too many": [good],
    }.items()
    if not facts["optional"]:
        yield "null", None
    yield from _wrong_strings(facts) if spec["dtype"] == "string" else _wrong_numbers(spec)


def _wrong_strings(facts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from {"an integer": 1, "a decimal": 1.5, "NaN": float("nan"), "a large number": 10**400}.items()
    if facts["kind"] in BINARY:
        yield from {
            "a path": "../../etc/passwd",
            "a file's address": "file:///etc/passwd",
            "an address": "http://127.0.0.1:1/a",
            "a data address": "data:image/png;base64,eA==",
            "base64 without its object": "iVBORw0KGgo=",
        }.items()
        for name, content in wrong_files(facts["kind"]):
            yield name, as_json(content)


def _wrong_numbers(spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from {
        "a string": "1",
        "NaN as a string": "NaN",
        "a large number": 10**400,
        "b64": {"b64": "AAAAAA=="},
    }.items()
    sizes = [size or 2 for size in spec["shape"][1:]]
    for name, leaf in {
        "of strings": "1",
        "of booleans": True,
        "of objects": {},
        "of base64": {"b64": "AAAAAA=="},
        "of large numbers": 1e300,
        "of huge integers": 2**70,
    }.items():
        if sizes:
            yield name, _filled(sizes, leaf)


def odd_values(facts: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Values that are odd, and may be answered all the same."""
    if spec["dtype"] != "string":
        sizes = [size or 2 for size in spec["shape"][1:]]
        for leaf in (float("nan"), float("inf"), float("-inf"), None, -0.0, 1e-45, 2**24 - 1):
            yield f"of {leaf}", _filled(sizes, leaf)
        return
    for name, content in odd_files(facts["kind"]):
        yield name, as_json(content)
    if facts["kind"] not in BINARY:
        yield from {
            "control characters": "\0\x07\x1b[31m\r\n",
            "a long text": "word " * 50_000,
            "a long word": "w" * 250_000,
            "many marks": "e" + "\u0301" * 20_000,
            "right to left": "\u202eabc\u2066",
            "not a character": "\uffff\ufdd0",
            "a script": "<script>alert(1)</script>",
            "a template": "{{7*7}}${7*7}%s%n",
            "no UTF-8": as_json(b"\xff\xfe\x80"),
            "an SQL string": "'; DROP TABLE a; --",
        }.items()


def _filled(sizes: list[int], leaf: Any) -> Any:
    for size in reversed(sizes):
        leaf = [leaf] * size
    return leaf
