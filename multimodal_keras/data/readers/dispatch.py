"""Choose the reader by the kind of source or by the file's suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from multimodal_keras.data.readers.columns import read_columns, read_frame
from multimodal_keras.data.readers.delimited import read_csv, read_tsv
from multimodal_keras.data.readers.folder import read_folder
from multimodal_keras.data.readers.jsonl import read_jsonl
from multimodal_keras.data.readers.parquet import read_parquet
from multimodal_keras.data.readers.tfrecord import read_tfrecord
from multimodal_keras.data.records import Records
from multimodal_keras.errors import DataError

FORMATS: dict[str, Callable[..., Records]] = {
    "csv": read_csv,
    "tsv": read_tsv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "tfrecord": read_tfrecord,
    "folder": read_folder,
}


def read(source: Any, *, format: str | None = None, **options: Any) -> Records:
    """Read records from a file, a folder or memory. Nothing is loaded before it is iterated.

    Args:
        source: one of

            * a path to `.csv`, `.tsv`, `.jsonl`, `.parquet` or `.tfrecord`. Text is UTF-8, with or without a byte order
              mark. Cells of CSV and TSV stay strings; bytes of `tf.train.Example` stay bytes;
            * a folder with one folder for each class; see `read_folder`'s options below;
            * a pandas frame, a dict of columns (lists or arrays, also of pixels), a list of dicts;
            * a `Records`, which is returned as it is.
        format: `"csv"`, `"tsv"`, `"jsonl"`, `"parquet"`, `"tfrecord"` or `"folder"`, if the suffix does not say it.
        **options: for a folder `file_field="image"`, `text_field="text"`, `label_field="label"`: columns.

    Returns:
        The records. A path in a record is relative to the file's folder. An empty cell is None, whatever the format.

    Raises:
        ValueError: for an unknown format or suffix, or columns of different lengths.
        TypeError: for a source of another kind.
        DataError: if there is no such file; and, while iterating, with file and row: a row with too many or too few
            cells, bad JSON, bytes that are not UTF-8, a damaged file.

    Example:

    >>> import multimodal_keras as mk
    >>> list(mk.data.read({"text": ["a dog", ""], "score": [0.5, float("nan")]}))
    [{'text': 'a dog', 'score': 0.5}, {'text': None, 'score': None}]
    """
    if isinstance(source, (str, Path)):
        return _read_path(Path(source), format, options)
    if options or format:
        raise TypeError(
            f"A format and options are for paths. Received {dict(options, format=format)} with a "
            f"{type(source).__name__}. Leave them out."
        )
    if isinstance(source, Records):
        return source
    if hasattr(source, "itertuples") and hasattr(source, "columns"):
        return read_frame(source)
    if isinstance(source, Mapping):
        return read_columns(source)
    if isinstance(source, (list, tuple)):
        return Records.of(source)
    raise TypeError(
        "Records are read from a path, a pandas frame, a dict of columns, a list of dicts or a Records. "
        f"Received {type(source).__name__}. Something that can be iterated only once has to become a list first."
    )


def _read_path(path: Path, format: str | None, options: dict[str, Any]) -> Records:
    if not path.exists():
        raise DataError(
            f"There is no such file or folder. Received {str(path)!r}. Check the path; it is relative to {Path.cwd()}."
        )
    chosen = format or ("folder" if path.is_dir() else path.suffix.lower().removeprefix("."))
    if chosen not in FORMATS:
        raise ValueError(
            f"A format is one of {', '.join(FORMATS)}. Received {chosen!r} for {str(path)!r}. "
            "Rename the file, or pass format=... if it is one of these under another suffix."
        )
    if path.is_dir() != (chosen == "folder"):
        kind = "folder" if path.is_dir() else "file"
        raise ValueError(
            f"The format 'folder' is for folders, the others for files. Received {chosen!r} for the {kind} "
            f"{str(path)!r}. Change one of the two."
        )
    return FORMATS[chosen](path, **options)
