"""What has to be known about one kind of field where TensorFlow is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.raw import Facts, Raw

# The values are bytes, or arrays: what `read` of the same kind returns.
Decode = Callable[[Sequence[Any]], np.ndarray]


@dataclass(frozen=True)
class Kind:
    """One kind of field: the twin of a `Modality` without TensorFlow.

    Attributes:
        name: the modality's `kind`.
        read: from the value in a record (a path, a string, an array), the folder to which paths are relative, and the
            field's contract, to the raw value; None or `b""` where it is missing.
        decoder: from a field's contract to the function that turns raw values into the device's tensor `(batch, ...)`. It
            raises `ValueError` for a value that cannot be decoded.
        sample: from a field's contract and a number to a made-up raw value, for warm-up.
        parse: from a value in a client's JSON and the field's contract to the raw value, where that is more than the raw
            value's own type; it never opens a file. `ValueError` for a wrong one.
        is_text: whether the raw value is UTF-8 that a person types; else one string is the content of a file.
        device_facts: the names of those facts of the contract that only clients need who decode by themselves.
        free_facts: the names of those that a change of breaks nobody, or is told by the shape or range of an input.
    """

    name: str
    read: Callable[[Any, Path | None, Facts], Raw | None]
    decoder: Callable[[Facts], Decode]
    sample: Callable[[Facts, int], Raw]
    parse: Callable[[Any, Facts], Raw] | None = None
    is_text: bool = False
    device_facts: frozenset[str] = frozenset()
    free_facts: frozenset[str] = frozenset()
