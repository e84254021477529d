"""Checks of numbers that constructors take."""

from __future__ import annotations

from typing import Any


def whole(name: str, value: Any, least: int = 1) -> int:
    """A constructor's argument as a whole number.

    Args:
        name: of the argument, for the error.
        value: what was given.
        least: the smallest that is allowed.

    Raises:
        ValueError: if it is no whole number, or below `least`.
    """
    number = int(value) if isinstance(value, (int, float)) and float(value).is_integer() else None
    if number is None or number < least:
        raise ValueError(f"{name} is at least {least}, a whole number. Received {value!r}. Change it.")
    return number
