"""The errors that this package raises on purpose, apart from plain ValueError and TypeError."""

from __future__ import annotations

from dataclasses import dataclass

# What becomes of records that cannot be used: the first one is an error, or all are left out.
ON_ERROR = ("raise", "skip")


def check_on_error(on_error: str) -> None:
    """Refuse another way to take records that cannot be used.

    Raises:
        ValueError: if it is none of `ON_ERROR`.
    """
    if on_error not in ON_ERROR:
        raise ValueError(f"on_error is one of {', '.join(ON_ERROR)}. Received {on_error!r}. Choose one of these.")


@dataclass(frozen=True)
class Origin:
    """Where a record came from: a file (or ``"<memory>"``) and its row, counted from 1 without the header."""

    file: str
    row: int

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}"


class DataError(ValueError):
    """A record cannot be used. The message names the file, the row, the field, and the way out."""

    def __init__(self, message: str, origin: Origin | None = None, field: str | None = None) -> None:
        self.origin = origin
        self.field = field
        self.reason = message
        where = [str(origin)] if origin else []
        where += [f"field {field!r}"] if field else []
        super().__init__(f"{', '.join(where)}: {message}" if where else message)
