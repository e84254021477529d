"""Digests of records: equal for equal content, in every process and on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np


def digest(value: Any, size: int = 16, salt: bytes = b"") -> bytes:
    """A blake2b digest of a record or of one cell.

    Args:
        value: None, a number, a string, bytes, a path, an array, or a list or dict of these. In a dict the order of the
            keys does not count, and a cell that is None counts as one that is not there.
        size: bytes of the digest.
        salt: mixed in, for instance a seed.

    Returns:
        `size` bytes. `1` and `"1"` differ.
    """
    return hashlib.blake2b(_canonical(value), digest_size=size, key=salt).digest()


def _canonical(value: Any) -> bytes:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (str, PurePath)):
        return _tagged(b"s", str(value).encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return _tagged(b"b", value)
    if isinstance(value, Mapping):
        keys = sorted(key for key, cell in value.items() if cell is not None)
        return _tagged(b"d", b"".join(_canonical(key) + _canonical(value[key]) for key in keys))
    if isinstance(value, (list, tuple)):
        return _tagged(b"l", b"".join(map(_canonical, value)))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return _tagged(b"a", f"{value.dtype.str}{value.shape}".encode() + value.tobytes())
    if isinstance(value, np.ndarray):
        return _tagged(b"l", b"".join(map(_canonical, value.tolist())))
    if value is None or isinstance(value, (bool, int, float)):
        return _tagged(b"n", repr(value).encode())
    return _tagged(b"o", f"{type(value).__name__}:{value}".encode())


def _tagged(tag: bytes, content: bytes) -> bytes:
    # The length goes first, so that no two different records run together into the same bytes.
    return b"%s%d:%s" % (tag, len(content), content)
