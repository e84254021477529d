"""Under which names models are served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from multimodal_keras.runtime.artefacts import SAVEDMODEL

Models = str | Path | Iterable[str | Path] | Mapping[str, str | Path]


def name_models(models: Models, name: str | None = None) -> dict[str, Path]:
    """Name to path of each model, in the order given.

    Args:
        models: the path of one, several paths, or name to path.
        name: of the one model, in place of its own.

    Returns:
        At least one.

    Raises:
        ValueError: for no model, two of one name, a name for several, or one that cannot stand in a URL's path.
    """
    if isinstance(models, Mapping):
        pairs = [(given, Path(path)) for given, path in models.items()]
    else:
        paths = [models] if isinstance(models, (str, Path)) else list(models)
        pairs = [(model_name(path), Path(path)) for path in paths]
    if name is not None and len(pairs) == 1:
        pairs = [(name, pairs[0][1])]
    elif name is not None:
        raise ValueError(f"name is for one model. Received {name!r} for {len(pairs)}. Pass name to path instead.")
    if not pairs:
        raise ValueError("A server has at least one model. Received none. Pass the path of one.")
    return named_pairs(pairs)


def named_pairs(pairs: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """The same as a dict, if each name is one, and none is there twice."""
    found: dict[str, Path] = {}
    for name, path in pairs:
        if not name or set(name) & set("/:"):
            raise ValueError(f"A model's name is without / and :. Received {name!r}. Choose another one by name=.")
        if name in found:
            raise ValueError(
                f"Each model has a name of its own. Received {name!r} for {str(found[name])!r} and {str(path)!r}. "
                "Name one of them: {name: path} in Python, NAME=PATH on the command line."
            )
        found[name] = path
    return found


def model_name(path: str | Path) -> str:
    """A model's own name.

    Args:
        path: a folder of versions, one version of it, or a `.tflite` file.

    Returns:
        The folder's name, or its parent's where the folder is a version's number; of a `.tflite` file that is not in such
        a folder, nor beside a SavedModel, the file's own.
    """
    path = Path(path).resolve()
    folder = path.parent if path.suffix == ".tflite" else path
    is_version, is_export = version_number(folder) is not None, (folder / SAVEDMODEL).exists()
    if folder != path and not (is_version or is_export):
        return path.stem
    # A folder of versions may be called by a number as well.
    return (folder.parent if is_version and (is_export or folder != path) else folder).name


def version_number(folder: Path) -> int | None:
    """The version that a folder's name says, None if it says none."""
    return int(folder.name) if folder.name.isascii() and folder.name.isdecimal() else None
