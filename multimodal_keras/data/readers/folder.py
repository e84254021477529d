"""A folder with one folder for each class."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from multimodal_keras.data.records import Records
from multimodal_keras.errors import DataError, Origin
from multimodal_keras.runtime.rows import Row, clean

_TEXT = ".txt"


def read_folder(
    path: Path, *, file_field: str = "image", text_field: str = "text", label_field: str = "label"
) -> Records:
    """A record for each file, labelled by the name of its class folder; sorted by class and name.

    Args:
        path: the folder. Names that begin with a dot are left out.
        file_field: the column of the path of the file, or of a folder of frames, relative to `path`.
        text_field: the column of the content of `.txt` files. A text and a file of one stem (`1.png`, `1.txt`) are one
            record.
        label_field: the column of the class.

    Raises:
        DataError: if there is no class folder.
    """
    if not _visible(path, folders=True):
        raise DataError(f"{path}: such a folder has a folder for each class. Received none. Sort the files into some.")
    names = (file_field, text_field, label_field)
    return Records(partial(_rows, path, names), folder=path, fields=partial(_fields, path, names))


def _fields(path: Path, names: tuple[str, str, str]) -> list[str]:
    texts = {file.suffix.lower() == _TEXT for label in _visible(path, folders=True) for file in _members(label)}
    return [name for name, there in zip(names, (False in texts, True in texts, True), strict=True) if there]


def _visible(path: Path, folders: bool = False) -> list[Path]:
    return sorted(child for child in path.iterdir() if not child.name.startswith(".") and child.is_dir() == folders)


def _members(label: Path) -> list[Path]:
    """The files of a class, and its folders, each of which is one thing: the frames of a video."""
    return [*_visible(label), *_visible(label, folders=True)]


def _rows(path: Path, names: tuple[str, str, str]) -> Iterator[Row]:
    row, fields = 0, _fields(path, names)
    for label in _visible(path, folders=True):
        for _, group in itertools.groupby(sorted(_members(label), key=lambda file: file.stem), lambda file: file.stem):
            members = list(group)
            texts = [file for file in members if file.suffix.lower() == _TEXT]
            files: list[Path | None] = [file for file in members if file not in texts]
            for file in files or [None]:
                row += 1
                origin = Origin(str(path), row)
                cells = (file and file.relative_to(path).as_posix(), texts[0] if texts else None, label.name)
                yield origin, _record(origin, dict(zip(names, cells, strict=True)), names[1], fields)


def _record(origin: Origin, record: dict[str, Any], text: str, fields: list[str]) -> dict[str, Any] | DataError:
    file = record[text]
    if file is not None:
        try:
            record[text] = clean(file.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            problem = f"A .txt file is UTF-8 text. Received {file.name!r}: {error}. Save it as UTF-8."
            return DataError(problem, origin, text)
    return {name: record[name] for name in fields}
