"""A request after an accident: bytes, values, headers, the method or the path are no more what they were."""

from __future__ import annotations

import base64
import binascii
import json
import random
from dataclasses import replace
from typing import Any

from odd_pictures import damaged

from hostile.request import HostileRequest, as_json, dumped

LEAVES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    10**40,
    0.5,
    1e39,
    float("nan"),
    float("-inf"),
    "",
    "a",
    "\ud800",
    [],
    [[]],
    {},
    {"b64": ""},
    {"b64": "eA"},
    {"b64": "*"},
)
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
TYPES = ("application/json", "text/plain", "multipart/form-data; boundary=x", "image/png", "application/xml", "\xe9")
_LARGEST = 200_000


def mutated(request: HostileRequest, dice: random.Random) -> HostileRequest:
    """The same request after one to three accidents, which may have left it right."""
    changed = replace(request, is_wrong=False)
    for _ in range(dice.choice((1, 1, 2, 3))):
        # What is inside of the body is the most interesting.
        way = dice.choices((_bytes, _value, _file, _headers, _method, _path), (3, 4, 4, 1, 1, 1))[0]
        changed = way(changed, dice)
    return replace(changed, name=f"mutated {request.name}"[:120])


def _bytes(request: HostileRequest, dice: random.Random) -> HostileRequest:
    if not 0 < len(request.body) < _LARGEST:
        return replace(request, body=dice.randbytes(dice.randrange(300)))
    return replace(request, body=damaged(request.body, dice))


def _value(request: HostileRequest, dice: random.Random) -> HostileRequest:
    """One of the values of a JSON document, of any depth, becomes another, doubles, or goes."""
    document = _parsed(request.body)
    places = list(_places(document))
    if not places:
        return _bytes(request, dice)
    holder, key = dice.choice(places)
    way = dice.randrange(4)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, list):
        holder.extend([holder[key]] * dice.choice((1, 3, 40)))
    elif way == 2:
        holder[key] = [holder[key]]
    else:
        holder[key] = dice.choice(LEAVES)
    return replace(request, body=dumped(document))


def _file(request: HostileRequest, dice: random.Random) -> HostileRequest:
    """The content of one of the files in a JSON document."""
    document = _parsed(request.body)
    files = [(holder, key) for holder, key in _places(document) if _content(holder[key])]
    if not files:
        return _bytes(request, dice)
    holder, key = dice.choice(files)
    holder[key] = as_json(damaged(_content(holder[key]), dice))
    return replace(request, body=dumped(document))


def _headers(request: HostileRequest, dice: random.Random) -> HostileRequest:
    return replace(request, headers={**request.headers, "Content-Type": dice.choice(TYPES)})


def _method(request: HostileRequest, dice: random.Random) -> HostileRequest:
    return replace(request, method=dice.choice(METHODS))


def _path(request: HostileRequest, dice: random.Random) -> HostileRequest:
    place = dice.randrange(1, len(request.path) + 1)
    added = dice.choice(("%00", "%2f", "/", ":", "..", "%", "?", ";", "%ff", "A", ""))
    return replace(request, path=request.path[:place] + added + request.path[place + dice.randrange(2) :])


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if len(body) < _LARGEST else None
    except (ValueError, RecursionError):
        return None


def _places(document: Any) -> Any:
    """Each list or object with each of its keys, without recursion."""
    holders = [document]
    while holders:
        holder = holders.pop()
        if isinstance(holder, (dict, list)):
            for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
                yield holder, key
                holders.append(holder[key])


def _content(value: Any) -> bytes:
    if not isinstance(value, dict) or not isinstance(value.get("b64"), str):
        return b""
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError):
        return b""
