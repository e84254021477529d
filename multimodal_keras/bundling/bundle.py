"""Write a bundle for TensorFlow Serving: beside its place, and only when it is complete in its place."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.bundling.filling import (
    client_arguments,
    client_literals,
    config_texts,
    fill_templates,
)
from multimodal_keras.bundling.samples import RawRecord, batch_of, json_value, raw_records
from multimodal_keras.bundling.source import SIGNATURE, Source, copy_version, find_source
from multimodal_keras.bundling.warmup import MOST_RECORDS, warm_up_requests, write_warm_up
from multimodal_keras.runtime.artefacts import SavedModelArtefact, read_contract

MARK = "bundle.json"
IMAGE = "tensorflow/serving:2.21.0"
WARM_UP_RECORDS = 16
# Another processor adds in another order.
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5


@dataclass(frozen=True)
class Bundle:
    """What was written.

    Attributes:
        folder: of the bundle.
        name: of the model.
        versions: of the model, the newest last.
        warm_up: version to its number of warm-up records.
    """

    folder: Path
    name: str
    versions: list[int]
    warm_up: dict[int, int]

    def __str__(self) -> str:
        told = ", ".join(f"version {version} with {count} warm-up records" for version, count in self.warm_up.items())
        return f"{self.name}: {told}; {self.folder / 'README.md'} tells how to run it"


def bundle(
    source: str | Path,
    folder: str | Path,
    *,
    records: Any = None,
    name: str | None = None,
    image: str = IMAGE,
    batching: bool = False,
    warm_up: int = WARM_UP_RECORDS,
) -> Bundle:
    """Write all that people who run TensorFlow Serving need: models, configuration, manifests, clients and a test.

    The folder is written beside its place and renamed into it: a killed or refused bundle leaves what was there before.
    The same export and records give the same files.

    Args:
        source: an exported folder, or a folder with numbered versions of a model.
        folder: where to; an earlier bundle there is replaced.
        records: real ones to warm up with (dicts of field to value, or what `multimodal_keras.data.read` returned); the
            first is in the request of the bundle's test. By default some are made from the contract.
        name: of the model; by default the folder's, or its parent's where the folder is a version number.
        image: of TensorFlow Serving.
        batching: whether TensorFlow Serving joins requests; one file that cannot be decoded then fails its whole batch.
        warm_up: how many records each version is warmed up with, besides one for each other signature.

    Returns:
        `Bundle`.

    Raises:
        ValueError: if there is no exported SavedModel, or one with ops that TensorFlow Serving lacks, a record cannot be
            answered, or the folder holds something else.
        TypeError: for records of another kind.
    """
    found, folder = find_source(Path(source), name), Path(folder)
    if not 1 <= warm_up <= MOST_RECORDS:
        raise ValueError(
            f"TensorFlow Serving takes 1 to {MOST_RECORDS} warm-up records. Received {warm_up!r}. Change warm_up."
        )
    _check_place(folder, found)
    _check_operations(found)
    given, base = _given(records, warm_up), getattr(records, "folder", None)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        made = Path(beside, "made")
        made.mkdir()
        counts = {}
        for version, place in found.versions.items():
            counts[version] = _write_version(made, found, version, place, given, base, warm_up)
        contract = read_contract(found.versions[found.newest])
        told = "made-up records" if records is None else "records that you passed: look at them before you pass them on"
        texts = config_texts(found, image, batching, _weights(made), told)
        fill_templates(made, texts | {"CLIENT_ARGUMENTS": client_arguments(contract)}, client_literals(contract))
        content = {"format": 1, "model": found.name, "versions": list(found.versions), "package": contract["package"]}
        _write_json(made / MARK, content)
        if folder.exists():
            os.rename(folder, Path(beside, "replaced"))
        os.rename(made, folder)
    return Bundle(folder, found.name, list(found.versions), counts)


def _write_version(
    made: Path,
    source: Source,
    version: int,
    place: Path,
    records: list[Mapping[str, Any]] | None,
    base: Path | None,
    warm_up: int,
) -> int:
    """One version with its warm-up records, whose number is returned; the newest one's first record is the example."""
    contract, goal = read_contract(place), made / "models" / source.name / str(version)
    raws = raw_records(contract, records, warm_up, base)
    copy_version(place, goal)
    with SavedModelArtefact(goal) as artefact:
        requests = warm_up_requests(artefact, raws)
        if version == source.newest:
            _write_example(made, artefact, source, raws[0])
    write_warm_up(goal, source.name, contract, requests)
    return len(requests)


def _write_example(made: Path, artefact: SavedModelArtefact, source: Source, raw: RawRecord) -> None:
    contract = artefact.contract
    instance = {field: json_value(contract["modalities"][field], value) for field, value in sorted(raw.items())}
    _write_json(made / "request.json", {"instances": [instance]})
    outputs = artefact.outputs(batch_of(raw))
    inputs = contract["signatures"][SIGNATURE]["inputs"]
    expected = {
        "model": source.name,
        "version": str(source.newest),
        "inputs": {field: f"DT_{inputs[field]['dtype'].upper()}" for field in sorted(inputs)},
        "outputs": {task: _rounded(outputs[task][0]) for task in sorted(outputs)},
        "relative_tolerance": _RELATIVE,
        "absolute_tolerance": _ABSOLUTE,
    }
    _write_json(made / "expected.json", expected)


def _rounded(values: np.ndarray) -> Any:
    """Numbers as far as they are the same on every run."""
    return np.vectorize(lambda value: float(f"{value:.5g}"), otypes=[float])(values).tolist()


def _given(records: Any, count: int) -> list[Mapping[str, Any]] | None:
    if records is None:
        return None
    if isinstance(records, (str, Path, Mapping)):
        raise TypeError(
            "Records are dicts of field to value, or what multimodal_keras.data.read returned. "
            f"Received one {type(records).__name__}. Read the file first, or pass a list."
        )
    return list(islice(records, count))


def _check_place(folder: Path, source: Source) -> None:
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).exists())):
        raise ValueError(
            f"A bundle replaces an earlier bundle only. Received {str(folder)!r}, which holds something else. "
            "Choose another folder."
        )
    goal = folder.resolve()
    if any(goal == place or goal in place.parents or place in goal.parents for place in source.versions.values()):
        raise ValueError(
            f"A bundle is apart from what it is made of. Received {str(folder)!r}, which holds a version of the model or "
            "is inside one. Choose another folder."
        )


def _check_operations(source: Source) -> None:
    for version, place in source.versions.items():
        for field, facts in read_contract(place)["modalities"].items():
            if facts.get("compressed"):
                raise ValueError(
                    "TensorFlow Serving has no ops for compressed sounds. Received version "
                    f"{version}, whose field {field!r} was made with compressed=True. Export it without, and send WAV."
                )


def _weights(made: Path) -> int:
    return sum(path.stat().st_size for path in made.glob("models/*/*/variables/*"))


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
