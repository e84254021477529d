"""How far it is, for someone who watches."""

from __future__ import annotations

import sys
import time
from typing import Self

_SECONDS_BETWEEN, _CELLS = 0.2, 24


class Meter:
    """A line on standard error that counts rows; nothing if that is no terminal.

    Args:
        total: how many rows there are; None if that is not known.
        done: how many were done before.
    """

    def __init__(self, total: int | None, done: int = 0) -> None:
        self._total, self._rows, self._before = total, done, done
        self._start, self._last = time.monotonic(), float("-inf")
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._show()
            print(file=sys.stderr)

    def advance(self, rows: int) -> None:
        """Count rows."""
        self._rows += rows
        if self._shown and time.monotonic() - self._last >= _SECONDS_BETWEEN:
            self._show()

    def _show(self) -> None:
        self._last = time.monotonic()
        rate = (self._rows - self._before) / max(self._last - self._start, 1e-3)
        print(f"\r{line(self._rows, self._total, rate)}\x1b[K", end="", file=sys.stderr, flush=True)


def line(rows: int, total: int | None, rate: float) -> str:
    """What is shown.

    Args:
        rows: done.
        total: rows in all; None if that is not known.
        rate: rows per second.
    """
    if not total:
        return f"{rows:,} rows, {rate:,.0f} rows/s"
    filled = _CELLS * min(rows, total) // total
    left = f", {_clock((total - rows) / rate)} left" if rate else ""
    return f"[{'#' * filled:-<{_CELLS}}] {rows:,} of {total:,} rows, {rate:,.0f} rows/s{left}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
