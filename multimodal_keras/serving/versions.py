"""The newest version in a model's folder, exchanged while requests are answered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from multimodal_keras.runtime.artefacts import SAVEDMODEL

POLL_SECONDS = 2.0

Loaded = TypeVar("Loaded")

_LOG = logging.getLogger(__name__)


class Versions(Generic[Loaded]):
    """One loaded version of a model, and a thread that looks for a newer one.

    A model's folder holds version folders whose names are numbers. The greatest that can be loaded is served: a new one
    is loaded beside the old one, warmed up, and then put in its place at once; a broken one is told in the log, and the old
    one goes on; where the newest is taken away, the one before it comes back. A folder that is a version itself, and a
    file, stay what they are.

    Args:
        path: of a model's folder, one version of it, or a `.tflite` file.
        load: from a path to what is served; it returns when that is ready to answer.
        poll_seconds: between two looks into the folder.

    Attributes:
        current: what is served. A request takes it once, and keeps it until it is answered.

    Raises:
        ValueError: if there is nothing to load.
    """

    def __init__(self, path: str | Path, load: Callable[[Path], Loaded], poll_seconds: float = POLL_SECONDS) -> None:
        path = Path(path)
        self._folder, self._load, self._refused = path, load, set[tuple[int, ...]]()
        self._number: int | None = None
        found = [] if (path / SAVEDMODEL).exists() or not path.is_dir() else versions_in(path)
        if not found:
            self.current = load(path)
            return
        # Whoever starts a server has to hear of a broken version, unless an older one can stand in for it.
        self._refresh(found)
        if self._number is None:
            self.current = load(found[0][1])
        threading.Thread(target=self._watch, args=(poll_seconds,), name="versions", daemon=True).start()

    def refresh(self) -> None:
        """Look into the folder, and exchange the version if another one is to be served."""
        self._refresh(versions_in(self._folder))

    def _refresh(self, found: list[tuple[int, Path]]) -> None:
        for number, path in found:
            stamp = _stamp(number, path)
            if number == self._number:
                return
            if stamp in self._refused:
                continue
            try:
                self.current = self._load(path)
            except Exception:
                # Looked at again only when it has changed: a copy that is still going on becomes whole.
                self._refused.add(stamp)
                _LOG.exception("Version %d of %s cannot be loaded; the others go on", number, self._folder.name)
            else:
                self._number = number
                _LOG.info("Version %d of %s is served", number, self._folder.name)
                return

    def _watch(self, seconds: float) -> None:
        pause = threading.Event()
        while True:
            pause.wait(seconds)
            try:
                self.refresh()
            except OSError:
                _LOG.exception("The folder %s cannot be read; its model goes on", self._folder.name)


def versions_in(folder: Path) -> list[tuple[int, Path]]:
    """The version folders in a model's folder, the newest first."""
    numbered = [path for path in folder.iterdir() if path.name.isascii() and path.name.isdecimal()]
    found = [(int(path.name), path) for path in numbered if (path / SAVEDMODEL).exists()]
    return sorted(found, reverse=True)


def _stamp(number: int, path: Path) -> tuple[int, ...]:
    """Changes when a version's files do."""
    found = [file.stat() for file in sorted(path.rglob("*"))]
    return (number, *(fact for file in found for fact in (file.st_mtime_ns, file.st_size)))
