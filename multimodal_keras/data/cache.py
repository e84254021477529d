"""Decoded arrays, kept in memory or in a folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from multimodal_keras import __version__
from multimodal_keras.base import Head, Modality
from multimodal_keras.data.decoding import Arrays, Key
from multimodal_keras.data.order import rows_in
from multimodal_keras.data.records import Records
from multimodal_keras.errors import DataError

_DONE = "done.json"


class Cache:
    """One array for each input, target and weight; its rows are the records in their order.

    Args:
        arrays: key to `(records, ...)`.
        skipped: the records that were left out when it was filled.
    """

    def __init__(self, arrays: Arrays, skipped: list[dict[str, Any]] | None = None) -> None:
        self.arrays = arrays
        self.skipped = skipped or []

    def __len__(self) -> int:
        return rows_in(self.arrays)

    def take(self, rows: np.ndarray) -> Arrays:
        """The batch of these rows."""
        return {key: np.asarray(array[rows]) for key, array in self.arrays.items()}


def fill(
    specs: Mapping[Key, tf.TensorSpec], batches: Iterable[Arrays | None], length: int, folder: Path | None
) -> Cache:
    """Copy batches, one after the other, into arrays of `length` rows at most, in memory or in `folder`."""
    arrays = {key: _empty(folder, key, spec, length) for key, spec in specs.items()}
    filled = 0
    for batch in batches:
        if batch is not None:
            rows = rows_in(batch)
            for key, array in arrays.items():
                array[filled : filled + rows] = batch[key]
            filled += rows
    return Cache({key: array[:filled] for key, array in arrays.items()})


def _empty(folder: Path | None, key: Key, spec: tf.TensorSpec, length: int) -> np.ndarray:
    shape, dtype = (length, *spec.shape), spec.dtype.as_numpy_dtype
    if folder is None:
        return np.empty(shape, dtype)
    return np.lib.format.open_memmap(_file(folder, key), mode="w+", dtype=dtype, shape=shape)


def _file(folder: Path, key: Key) -> Path:
    return folder / f"{key[0]}.{key[1]}.npy"


def load(folder: Path, specs: Mapping[Key, tf.TensorSpec]) -> Cache | None:
    """The cache in a folder, mapped and not read; None if there is none."""
    if not (folder / _DONE).exists():
        return None
    done = json.loads((folder / _DONE).read_text("utf-8"))
    rows = done["rows"]
    # Rows of a size that is not zero are mapped; numpy cannot map an empty file.
    return Cache({key: np.load(_file(folder, key), mmap_mode="r")[:rows] for key in specs}, done["skipped"])


def fill_folder(
    folder: Path,
    specs: Mapping[Key, tf.TensorSpec],
    batches: Iterable[Arrays | None],
    length: int,
    skipped: list[dict[str, Any]],
) -> Cache:
    """Fill a cache beside `folder` and move it there once it is whole, so that nobody ever sees half of one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        cache = fill(specs, batches, length, unfinished)
        for array in cache.arrays.values():
            if isinstance(array.base, np.memmap):
                array.base.flush()
        done = {"rows": len(cache), "skipped": skipped}
        (unfinished / _DONE).write_text(json.dumps(done), "utf-8")
        try:
            os.replace(unfinished, folder)
        except OSError:
            if not (folder / _DONE).exists():
                raise
            # Another process was faster with the same arrays.
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    loaded = load(folder, specs)
    return cache if loaded is None else loaded


def key_of(records: Records, modalities: Mapping[str, Modality], heads: Mapping[str, Head], on_error: str) -> str:
    """What a cache depends on: the records, the files they name, how they are decoded, and with what."""
    parts: list[Any] = [__version__, tf.__version__, on_error, records.fingerprint()]
    for kind in (modalities, heads):
        parts += [
            (name, type(part).__name__, _nameless(part.get_config()), part.contract()) for name, part in kind.items()
        ]
    total = hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode())
    fields = [field for field, modality in modalities.items() if modality.file_suffixes]
    for _, record in records.attempts() if fields else ():
        if not isinstance(record, DataError):
            for field in fields:
                total.update(_stamp(record.get(field), records.folder))
    return total.hexdigest()[:32]


def _nameless(config: Any) -> Any:
    """A config without the names that Keras counts up, so that an equal model finds the cache again."""
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key != "name"}
    return [_nameless(value) for value in config] if isinstance(config, (list, tuple)) else config


def _stamp(value: Any, folder: Path | None) -> bytes:
    """Where a file is, its size and the time of its last change: enough to see that it is another one."""
    if not isinstance(value, (str, Path)):
        return b"-"
    path = Path(folder or ".", value).absolute()
    try:
        found = path.stat()
    except (OSError, ValueError):
        return f"{path} is not there;".encode("utf-8", "surrogatepass")
    return f"{path} {found.st_size} {found.st_mtime_ns};".encode("utf-8", "surrogatepass")
