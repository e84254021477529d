"""Bodies that are no JSON object of a request, whatever the model is."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Iterator

ENTITIES = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;&c;&c;</a>'


def documents() -> Iterator[tuple[str, bytes]]:
    """Name and body."""
    yield from {
        "nothing": b"",
        "spaces": b" \r\n\t",
        "byte order mark": b"\xef\xbb\xbf",
        "truncated": b'{"records": [{"a": "b',
        "two documents": b"{} {}",
        "single quotes": b"{'a': 1}",
        "comment": b'{/* */ "a": 1}',
        "comma": b'{"a": 1,}',
        "control character": b'{"a": "\x00"}',
        "escape": b'{"a": "\\x41"}',
        "half an escape": b'{"a": "\\ud8',
        "array": b"[]",
        "array of records": b'[{"a": 1}]',
        "string": b'"predict"',
        "number": b"17",
        "null": b"null",
        "true": b"true",
        "NaN": b"NaN",
        "-Infinity": b"-Infinity",
        "not UTF-8": b'{"a": "\xff\xfe"}',
        "overlong UTF-8": b'{"a": "\xc0\xaf"}',
        "surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
        "UTF-16": '{"a": "b"}'.encode("utf-16"),
        "UTF-32": '{"a": "b"}'.encode("utf-32"),
        "deep objects": b'{"a":' * 100_000,
        "deep arrays": b"[" * 100_000,
        "deep and closed": b'{"records":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        "long number": b'{"a": ' + b"9" * 5_000 + b"}",
        "long exponent": b'{"a": 1e' + b"9" * 400 + b"}",
        "large number": b'{"records": 1e400}',
        "negative zero": b'{"records": -0.0}',
        "many keys": b"{" + b",".join(b'"k%d":0' % number for number in range(5_000)) + b"}",
        "long key": b'{"' + b"k" * 100_000 + b'": 1}',
        "key twice": b'{"records": [{}], "records": 1}',
        "special keys": b'{"__proto__": {"a": 1}, "constructor": 1, "__class__": "x"}',
        "large": b'{"a": "' + b"a" * 3_000_000 + b'"}',
        "large and empty": b" " * 3_000_000,
        "gzip": gzip.compress(b"{}", mtime=0),
        "gzip bomb": gzip.compress(bytes(3_000_000), mtime=0),
        "pickle": pickle.dumps({"a": 1}),
        "XML": ENTITIES,
        "YAML": b"!!python/object/apply:os.system ['true']",
        "urlencoded": b"title=a&image=b",
        "msgpack": b"\x81\xa1a\x01",
        "protobuf": b"\x0a\x07\x0a\x05model\x12\x00",
        "request in a request": b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
        "every byte": bytes(range(256)),
    }.items()


def shapes(key: str) -> Iterator[tuple[str, bytes]]:
    """Objects in which `records` (or `instances`, or `inputs`) is not what it has to be."""
    quoted = f'"{key}"'.encode()
    for name, value in {
        "empty": b"[]",
        "null": b"null",
        "object in its place": b'{"0": {}}' if key != "inputs" else b'{"0": []}',
        "string": b'"a"',
        "number": b"1",
        "NaN": b"NaN",
        "of numbers": b"[1, 2]",
        "of null": b"[null]",
        "of arrays": b"[[]]",
        "of empty objects": b"[{}]",
        "of many": b"[" + b",".join([b"{}"] * 2_000) + b"]",
        "mixed": b'[{}, 1, "a", null]',
        "unknown field": b'[{"nobody_knows": 1}]',
        "field of a path": b'[{"../../etc/passwd": 1}]',
    }.items():
        yield f"{key} {name}", b"{" + quoted + b": " + value + b"}"
    yield f"{key} and others", b"{" + quoted + b': [{}], "instances": [], "inputs": [], "nobody_knows": 1}'
