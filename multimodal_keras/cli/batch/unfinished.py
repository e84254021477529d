"""An output on its way: beside its place, with a note of how far it is whole."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Self


class Unfinished:
    """Lines that are added batch by batch, and the list of skipped records, until they are put in their place.

    Whatever was written after the last whole batch is cut off when it is opened again.

    Args:
        output: where the lines go in the end.
        identity: what they are made from.
        restart: forget what an earlier process left.

    Attributes:
        lines: the file that holds them meanwhile, `<output>.partial`.
        rows: how many records are answered or skipped.
        skipped: how many of these are skipped.

    Raises:
        ValueError: if an earlier process left an output that is made from something else, or still writes it.
    """

    def __init__(self, output: Path, identity: dict[str, Any], restart: bool) -> None:
        self._output, self._identity = output, identity
        self.lines = output.with_name(f"{output.name}.partial")
        self._state = output.with_name(f"{output.name}.partial.json")
        self._skipped_output = output.with_name(f"{output.name}.skipped.jsonl")
        self._skipped_lines = output.with_name(f"{output.name}.skipped.jsonl.partial")
        output.parent.mkdir(parents=True, exist_ok=True)
        self._files = [path.open("ab") for path in (self.lines, self._skipped_lines)]
        try:
            self._hold()
            state = None if restart else self._left()
        except ValueError:
            self.close()
            raise
        found: dict[str, Any] = state or {"rows": 0, "skipped": 0, "bytes": [0, 0]}
        self.rows, self.skipped = found["rows"], found["skipped"]
        for file, size in zip(self._files, found["bytes"], strict=True):
            file.truncate(size)
            file.seek(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; what was added stays."""
        for file in self._files:
            file.close()

    def add(self, lines: str, rows: int, skipped: list[dict[str, Any]]) -> None:
        """Add a batch, and note that it is whole."""
        listed = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in skipped)
        for file, text in zip(self._files, (lines, listed), strict=True):
            file.write(text.encode("utf-8", "replace"))
            file.flush()
        self.rows += rows
        self.skipped += len(skipped)
        note = {"rows": self.rows, "skipped": self.skipped, "bytes": [file.tell() for file in self._files]}
        beside = self._state.with_suffix(".tmp")
        beside.write_text(json.dumps({**note, "identity": self._identity}), encoding="utf-8")
        os.replace(beside, self._state)

    def put(self, made: Path) -> None:
        """Put a file that was made from all lines in the output's place, and the skipped records beside it."""
        for file in self._files:
            os.fsync(file.fileno())
        self.close()
        if self.skipped:
            os.replace(self._skipped_lines, self._skipped_output)
        else:
            # One that lies there is that of an earlier output.
            self._skipped_output.unlink(missing_ok=True)
        os.replace(made, self._output)
        for path in (self._state, self.lines, self._skipped_lines):
            path.unlink(missing_ok=True)

    def _hold(self) -> None:
        """Keep other processes away until the files are closed."""
        if os.name != "posix":
            return
        fcntl = importlib.import_module("fcntl")
        try:
            fcntl.flock(self._files[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"One process writes an output. Received {str(self._output)!r}, which another one is writing. Wait for it, "
                "or end it."
            ) from None

    def _left(self) -> dict[str, Any] | None:
        """What an earlier process noted, if its files are still as long as that."""
        if not self._state.exists():
            return None
        state: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        other = [name for name, value in state["identity"].items() if self._identity.get(name) != value]
        if other:
            raise ValueError(
                f"An unfinished output goes on with what it began with. Received another {', '.join(other)} than "
                f"{str(self.lines)!r} was made with. Repeat the command as it was, or start over by --restart."
            )
        sizes = [os.fstat(file.fileno()).st_size for file in self._files]
        if any(size < noted for size, noted in zip(sizes, state["bytes"], strict=True)):
            print(f"{self.lines} is not whole: starting over", file=sys.stderr)
            return None
        return state if state["rows"] else None
