"""From a run file to its records and its model."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import keras

from multimodal_keras.builder import build_model
from multimodal_keras.data import Records, read
from multimodal_keras.spec import RunSpec


def parts_of(spec: RunSpec) -> tuple[Records, Records | None, Records | None]:
    """Training, validation and test records of a run; None for a part that it has not.

    Raises:
        ValueError: if the split names none or more than three parts.
    """
    records = read(spec.data)
    if isinstance(spec.split, str):
        train, valid, test = (records.where(**{spec.split: part}) for part in ("train", "valid", "test"))
        return train, valid if spec.valid is None else read(spec.valid), test
    fractions = spec.split.fractions
    if not 1 <= len(fractions) <= 3:
        raise ValueError(
            f"split.fractions has one to three parts. Received {list(fractions)}. Name train, valid, test."
        )
    found: list[Records | None] = list(
        records.split(*fractions, by=spec.split.by, group=spec.split.group, seed=spec.split.seed)
    )
    found += [None] * (3 - len(found))
    if spec.valid is not None:
        # Validation records are apart: what would have been the second part is for testing.
        return found[0], read(spec.valid), found[2] or found[1]  # type: ignore[return-value]
    return tuple(found)  # type: ignore[return-value]


def model_of(spec: RunSpec, train: Any) -> keras.Model:
    """Build the model of a run, after its plugins are imported and its precision is set."""
    for plugin in spec.plugins:
        import_plugin(plugin)
    if spec.precision:
        keras.config.set_dtype_policy(spec.precision)
    keras.utils.set_random_seed(spec.seed)
    return build_model(
        spec.modalities,
        spec.heads,
        encoders=spec.encoders,
        fusion=spec.fusion,
        adapt_to=train,
        on_error=spec.training.on_error,
        modality_dropout=spec.modality_dropout,
        seed=spec.seed,
    )


def import_plugin(name: str) -> None:
    """Import a module by its name, or a Python file by its path."""
    if not name.endswith(".py"):
        importlib.import_module(name)
        return
    path = Path(name)
    found = importlib.util.spec_from_file_location(path.stem, path)
    if found is None or found.loader is None or not path.exists():
        raise ValueError(f"A plugin is a Python file or a module. Received {name!r}, which is not there. Correct it.")
    module = importlib.util.module_from_spec(found)
    sys.modules[path.stem] = module
    found.loader.exec_module(module)
