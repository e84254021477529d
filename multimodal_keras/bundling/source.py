"""What is bundled: the versions of a model that `export` wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from multimodal_keras.runtime.artefacts import CONTRACT, SAVEDMODEL

SIGNATURE = "serving_default"
# What paths, image names and manifests take without being quoted.
_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_.-]{0,48}[A-Za-z0-9])?")
_FILES = (SAVEDMODEL, "fingerprint.pb", CONTRACT)
_FOLDERS = ("variables", "assets", "assets.extra")


@dataclass(frozen=True)
class Source:
    """A model and its versions.

    Attributes:
        name: under which it is served.
        versions: number to folder, the newest last.
    """

    name: str
    versions: dict[int, Path]

    @property
    def newest(self) -> int:
        """The version that answers where a request names none."""
        return max(self.versions)


def find_source(path: Path, name: str | None = None) -> Source:
    """The exported versions in a folder.

    Args:
        path: a folder of numbered version folders, or one version folder.
        name: of the model; by default the folder's, or its parent's where the folder is a version number.

    Returns:
        `Source`.

    Raises:
        ValueError: if there is no exported SavedModel, or the name cannot stand in paths and manifests.
    """
    path = path.resolve()
    if (path / SAVEDMODEL).exists():
        number = _number(path)
        versions, found = {number or 1: path}, path.name if number is None else path.parent.name
    else:
        folders = path.iterdir() if path.is_dir() else ()
        numbered = {_number(folder): folder for folder in folders if (folder / SAVEDMODEL).exists()}
        versions, found = {number: numbered[number] for number in sorted(filter(None, numbered))}, path.name
    if not versions:
        raise ValueError(
            f"A bundle is made of an exported folder, or of one with numbered versions. Received {str(path)!r}, which has "
            f"no {SAVEDMODEL}. Export first."
        )
    name = name or found
    if not _NAME.fullmatch(name):
        raise ValueError(
            "A bundled model's name is a letter, then up to 49 letters, digits, '-', '_' and '.', the last one a letter or "
            f"digit. Received {name!r}. Choose another one by name."
        )
    return Source(name, versions)


def copy_version(folder: Path, goal: Path) -> None:
    """Copy what a server needs, and neither TFLite files nor permissions and times."""
    paths = [folder / name for name in _FILES]
    paths += [path for name in _FOLDERS for path in sorted((folder / name).rglob("*"))]
    for path in paths:
        if path.is_file():
            copy = goal / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    # TensorFlow's loader wants the folder, also an empty one.
    (goal / "assets").mkdir(exist_ok=True)


def _number(folder: Path) -> int | None:
    """The version that TensorFlow Serving takes a folder for; None if it is no version."""
    name = folder.name
    return int(name) if re.fullmatch(r"[1-9][0-9]{0,17}", name) else None
