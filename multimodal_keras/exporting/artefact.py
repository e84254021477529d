"""Export: write both artefacts, prove that they agree with the model, and only then put them in place."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from multimodal_keras.data import Records, read
from multimodal_keras.exporting.contract import contract
from multimodal_keras.exporting.parity import draw_sample, measure_parity
from multimodal_keras.exporting.savedmodel import write_savedmodel
from multimodal_keras.exporting.tflite import write_tflite
from multimodal_keras.exporting.tokenizers import DEVICE, write_tokenizers
from multimodal_keras.runtime.artefacts import CONTRACT, PARITY, TFLITE


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: a version folder of TF Serving, with the SavedModel, `model.tflite`, `contract.json`, `parity.json`, and
            `device/` with what an app needs to prepare text.
        parity: what `parity.json` holds.
        sizes: bytes of `savedmodel` and `tflite`.
    """

    folder: Path
    parity: dict[str, Any]
    sizes: dict[str, int]

    def __str__(self) -> str:
        lines = [f"{'artefact':22}{'records':20}{'largest difference':>20}{'flips':>7}"]
        for row in self.parity["rows"]:
            if "passed" in row:
                flips = sum(row["argmax_flips"].values())
                lines.append(f"{row['way']:22}{row['records']:20}{row['largest_difference']:20.1e}{flips:7}")
        sizes = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in self.sizes.items())
        return "\n".join([*lines, f"{self.parity['records']} records; {sizes}; {self.folder}"])


def export(
    model: keras.Model,
    folder: str | Path,
    *,
    sample: Records | Iterable[Mapping[str, Any]],
    sample_size: int = 256,
    tflite: bool = True,
) -> Exported:
    """Export a model as a SavedModel and a TFLite file that give the same numbers.

    The folder is written beside its place, measured there, and put in place by a rename: a killed or refused export
    leaves what was there before.

    Args:
        model: made by `build_model`.
        folder: where to, such as `exported/clipart/1`; an earlier export there is replaced.
        sample: real records, to measure parity on; labels are used where there are some.
        sample_size: how many of them.
        tflite: whether to write the TFLite file.

    Returns:
        `Exported`.

    Raises:
        ParityError: if an artefact differs from the model by more than 1e-5 (SavedModel) or 1e-4 (TFLite) of the
            largest output (at least 1).
        ValueError: if the sample is empty, the folder holds something else, or the model needs an op that TFLite lacks.
    """
    folder = Path(folder)
    _check_place(folder)
    drawn = draw_sample(model, _records(sample), sample_size)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        made = Path(beside, "made")
        write_savedmodel(model, made)
        if tflite:
            write_tflite(model, made / TFLITE)
            write_tokenizers(model, made / DEVICE)
        _write_json(made / CONTRACT, contract(model))
        parity = measure_parity(model, made, drawn)
        _write_json(made / PARITY, parity)
        if folder.exists():
            os.rename(folder, Path(beside, "replaced"))
        os.rename(made, folder)
    return Exported(folder, parity, _sizes(folder))


def _records(sample: Any) -> Records:
    records = sample if isinstance(sample, Records) else read(sample)
    if next(iter(records), None) is None:
        raise ValueError("Parity is measured on real records. Received an empty sample. Pass some of the test records.")
    return records


def _check_place(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / CONTRACT).exists())):
        raise ValueError(
            f"An export replaces an earlier export only. Received {str(folder)!r}, which holds something else. "
            "Choose another folder."
        )


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _sizes(folder: Path) -> dict[str, int]:
    saved = [
        folder / "saved_model.pb",
        folder / "fingerprint.pb",
        *(folder / "variables").glob("*"),
        *(folder / "assets").glob("*"),
    ]
    sizes = {"savedmodel": sum(path.stat().st_size for path in saved if path.is_file())}
    return sizes | ({"tflite": (folder / TFLITE).stat().st_size} if (folder / TFLITE).exists() else {})
