"""What decoding said when it refused a value, without the words of TensorFlow around it."""

from __future__ import annotations

import re

# What the decoding inside the graph says: its sentence, then the values that it names, in brackets of their own.
_ASSERTION = re.compile(r"assertion failed: \[([A-Z][^\[\]/\\{}]*)\]((?: \[-?\d+(?: -?\d+)*\])*)")
_NOISE = ("Graph execution error", "Detected at", "File ")


def own_sentence(error: Exception) -> str | None:
    """The sentence of our own checks inside a graph, with the values that it names; None if the error is another one.

    TensorFlow's text carries Python stacks and paths; nothing of these is in the answer.
    """
    # TensorFlow escapes the apostrophes of a sentence.
    found = _ASSERTION.search(str(getattr(error, "message", "") or "").replace("\\'", "'"))
    if not found:
        return None
    values = ", ".join(found[2].strip(" []").split("] ["))
    return " ".join(filter(None, [found[1].strip(), values]))


def first_line(error: Exception) -> str:
    """What an error says in one line: our own sentence if there is one, else the first line that means something."""
    said = own_sentence(error)
    if said is None:
        lines = [line.strip() for line in str(getattr(error, "message", None) or error).splitlines()]
        said = next((line for line in lines if line and not line.startswith(_NOISE)), type(error).__name__)
    return said.removesuffix(".") + "."
