"""Errors in one line."""

from __future__ import annotations

import re

LONGEST = 300
# Keras prints parts of its errors in bold.
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def one_line(error: BaseException) -> str:
    """An error for a table: our own say what is wrong; of others, the kind is told too."""
    text = " ".join(_STYLE.sub("", str(error)).split())
    said = text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
