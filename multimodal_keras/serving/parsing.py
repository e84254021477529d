"""JSON values to arrays, strictly: nothing is rounded, cast or guessed."""

from __future__ import annotations

import binascii
import json
import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from multimodal_keras.serving.refusal import Refusal, json_type

Array = np.ndarray | list[bytes]
_ALLOWED: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}, "f": {int, float}}


def parse_object(body: bytes) -> dict[str, Any]:
    """A request's body.

    Args:
        body: UTF-8 JSON; NaN, Infinity and -Infinity are numbers, as for TensorFlow Serving.

    Returns:
        The object.

    Raises:
        Refusal: if it is empty, no JSON, nested too deeply, or no object.
    """
    if not body.strip():
        raise Refusal("JSON Parse error: The document is empty. Send a JSON object.")
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Refusal(f"JSON Parse error: not UTF-8 at offset: {error.start}. Send bytes as an object b64.") from None
    except json.JSONDecodeError as error:
        raise Refusal(f"JSON Parse error: {error.msg} at offset: {error.pos}") from None
    except RecursionError:
        raise Refusal("JSON Parse error: nested too deeply.") from None
    except ValueError:
        raise Refusal("JSON Parse error: a number has too many digits.") from None
    if type(value) is not dict:
        raise Refusal(f"A request is a JSON object. Received {json_type(value)}.")
    return value


def is_base64(value: Any) -> bool:
    """Whether a value is an object with the one key `b64`, and a string for it."""
    return type(value) is dict and len(value) == 1 and type(value.get("b64")) is str


def parse_bytes(value: Any) -> bytes:
    """A string, or bytes in base64.

    Args:
        value: a string, or `{"b64": ...}`; line breaks and missing padding are forgiven.

    Returns:
        UTF-8, or what was in base64.

    Raises:
        Refusal: for anything else.
    """
    if type(value) is str:
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError:
            raise Refusal("A text must be Unicode. Received half of a surrogate pair. Send whole characters.") from None
    if not is_base64(value):
        received = 'an object other than {"b64": "..."}' if type(value) is dict else json_type(value)
        raise Refusal(f'A string, or {{"b64": "..."}} for bytes, is expected. Received {received}.')
    text = value["b64"]
    try:
        if len(text) % 4 or any(space in text for space in "\n\r\t "):
            text = "".join(text.split())
            text += "=" * (-len(text) % 4)
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise Refusal("Unable to base64 decode. Send standard base64, without a data: prefix.") from None


def parse_array(values: Any, spec: Mapping[str, Any]) -> Array:
    """A nested array as a tensor.

    Args:
        values: arrays nested as deeply as the shape, all alike.
        spec: `shape` (None where any size is allowed, the batch first), `dtype`, and perhaps `range`.

    Returns:
        An array of the dtype and shape; a list of bytes for a flat one of strings.

    Raises:
        Refusal: for another shape or type. Integers refuse decimals, strings refuse numbers, booleans are true or
            false, floats take integers, null is refused everywhere.
    """
    sizes, leaves = _flatten(values, spec["shape"])
    if spec["dtype"] == "string":
        strings = [parse_bytes(leaf) for leaf in leaves]
        return strings if len(sizes) == 1 else np.array(strings, object).reshape(sizes)
    dtype = np.dtype(spec["dtype"])
    allowed = _ALLOWED.get(dtype.kind, set())
    if set(map(type, leaves)) - allowed:
        wrong = next(leaf for leaf in leaves if type(leaf) not in allowed)
        raise Refusal(f"Values of type {dtype.name} are expected. Received {json_type(wrong)}.")
    _check_range(leaves, dtype, spec.get("range"))
    return np.array(leaves, dtype).reshape(sizes)


def _flatten(values: Any, shape: Sequence[int | None]) -> tuple[list[int], list[Any]]:
    """Level by level as far as the shape goes, so that no input makes it recurse."""
    leaves, sizes = [values], []
    for wanted in shape:
        lengths = {len(leaf) if type(leaf) is list else -1 for leaf in leaves}
        if len(lengths) != 1 or -1 in lengths or wanted not in (None, *lengths):
            raise Refusal(f"An array of the shape {_shape_text(shape)} is expected. Received another one.")
        sizes.append(lengths.pop())
        leaves = list(chain.from_iterable(leaves))
    return sizes, leaves


def _shape_text(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"


def _check_range(leaves: Sequence[Any], dtype: np.dtype, allowed: Sequence[float] | None) -> None:
    if not leaves or dtype.kind == "b":
        return
    if dtype.kind == "f":
        _check_precision(leaves, dtype)
        return
    limits = np.iinfo(dtype)
    low, high = allowed or (limits.min, limits.max)
    if min(leaves) < low or max(leaves) > high:
        raise Refusal(f"Integers from {low} to {high} are expected. Received one outside.")


def _check_precision(leaves: Sequence[Any], dtype: np.dtype) -> None:
    limits = np.finfo(dtype)
    largest, highest = 2 ** (limits.nmant + 1) - 1, float(limits.max)
    for leaf in leaves:
        lossy = abs(leaf) > largest if type(leaf) is int else math.isfinite(leaf) and abs(leaf) > highest
        if lossy:
            raise Refusal(f"Cannot convert a number to {dtype.name} without loss of precision. Send a smaller one.")
