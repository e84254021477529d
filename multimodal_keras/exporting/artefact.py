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

from multimodal_keras.calibrating import is_calibrated
from multimodal_keras.data import Records, read
from multimodal_keras.exporting.contract import contract
from multimodal_keras.exporting.device_files import DeviceFile, device_ways, file_costs, write_device_files
from multimodal_keras.exporting.options import tflite_options
from multimodal_keras.exporting.parity import (
    FLOAT32,
    ParityError,
    draw_sample,
    measure_parity,
    refused_ways,
    savedmodel_ways,
)
from multimodal_keras.exporting.savedmodel import write_savedmodel
from multimodal_keras.exporting.split import WHOLE
from multimodal_keras.exporting.tokenizers import DEVICE, write_tokenizers
from multimodal_keras.runtime.artefacts import CONTRACT, PARITY


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: a version folder of TF Serving, with the SavedModel, `model.tflite` and others by quantization,
            `contract.json`, `parity.json`, and `device/` with what an app needs to prepare text.
        parity: what `parity.json` holds.
        sizes: bytes of `savedmodel` and of each TFLite file.
        refused: the quantized files that were left out because they answer too much worse: way to what is wrong.
    """

    folder: Path
    parity: dict[str, Any]
    sizes: dict[str, int]
    refused: dict[str, str]

    def __str__(self) -> str:
        lines = [f"{'artefact':28}{'records':20}{'largest difference':>20}{'flips':>7}{'metric drop':>13}"]
        for row in self.parity["rows"]:
            if "passed" in row:
                flips = sum(row["argmax_flips"].values())
                drops = [drop["drop"] for drop in row.get("metric_drops", {}).values()]
                worse = f"{max(drops):13.4f}" if drops else ""
                lines.append(f"{row['way']:28}{row['records']:20}{row['largest_difference']:20.1e}{flips:7}{worse}")
        sizes = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in self.sizes.items())
        lines += [f"refused: {way}: {reason}" for way, reason in self.refused.items()]
        return "\n".join([*lines, f"{self.parity['records']} records; {sizes}; {self.folder}"])


def export(
    model: keras.Model,
    folder: str | Path,
    *,
    sample: Records | Iterable[Mapping[str, Any]],
    sample_size: int = 256,
    tflite: bool = True,
    calibration: Records | Iterable[Mapping[str, Any]] | None = None,
    refit: Records | Iterable[Mapping[str, Any]] | bool | None = None,
    **options: Any,
) -> Exported:
    """Export a model as a SavedModel and TFLite files that give the same numbers.

    The folder is written beside its place, measured there, and put in place by a rename: a killed or refused export
    leaves what was there before. A quantized file whose metrics are too much worse than the model's is left out.

    Args:
        model: made by `build_model`.
        folder: where to, such as `exported/clipart/1`; an earlier export there is replaced.
        sample: real records, to measure parity on; labels are used where there are some.
        sample_size: how many of them.
        tflite: whether to write TFLite files.
        calibration: records on which the ranges of int8 are measured, best from the training records; `sample` by default.
        refit: for a calibrated model, the records of its calibration: each quantized file gets numbers that fit its own
            answers to them. False to leave the numbers as they are, which keeps no promise of coverage.
        **options: fields of `TFLiteOptions`, such as `quantize=["float32", "int8"], lstm="auto", split=True`.

    Returns:
        `Exported`.

    Raises:
        ParityError: if an artefact differs from the model by more than 1e-5 (SavedModel) or 1e-4 (TFLite at float32) of
            the largest output (at least 1), or every TFLite file is refused.
        ValueError: if the sample is empty, the folder holds something else, an option is unknown, a calibrated model is
            quantized without `refit`, or the model needs an op that TFLite lacks; the message names the layer.
    """
    folder, wished = Path(folder), tflite_options(options)
    _check_place(folder)
    fitted_on = _refit_records(model, refit, tflite and set(wished.quantize) != {FLOAT32})
    records = _records(sample)
    drawn = draw_sample(model, records, sample_size)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        made = Path(beside, "made")
        write_savedmodel(model, made)
        files, chosen = [], records if calibration is None else _records(calibration)
        if tflite:
            files = write_device_files(model, made, wished, chosen, fitted_on)
            write_tokenizers(model, made / DEVICE)
        _write_json(made / CONTRACT, _whole_contract(model, files))
        ways = [*savedmodel_ways(made), *device_ways(made, files)]
        parity = measure_parity(model, ways, drawn, wished.max_metric_drop)
        refused = refused_ways(parity)
        if refused:
            files = _without_refused(made, files, refused)
            _write_json(made / CONTRACT, _whole_contract(model, files))
        parity["files"] = file_costs(made, files, drawn)
        _write_json(made / PARITY, parity)
        if folder.exists():
            os.rename(folder, Path(beside, "replaced"))
        os.rename(made, folder)
    return Exported(folder, parity, _sizes(folder, files), refused)


def _refit_records(model: keras.Model, refit: Any, quantized: bool) -> Records | None:
    if refit is None and quantized and is_calibrated(model):
        raise ValueError(
            "A calibrated model's numbers are fitted again to each quantized file. Received no records for it. Pass "
            "refit=valid, the records that it was calibrated on, or refit=False to leave the numbers as they are."
        )
    if refit is None or refit is False:
        return None
    if not is_calibrated(model):
        raise ValueError(
            "refit fits a calibration to each quantized file. Received records for a model that is not calibrated. "
            "Calibrate it first, or leave refit out."
        )
    return _records(refit)


def _without_refused(folder: Path, files: list[DeviceFile], refused: Mapping[str, str]) -> list[DeviceFile]:
    """The files that stay; the others are deleted."""
    kept = []
    for file in files:
        if {file.way, file.explaining_way} & refused.keys():
            (folder / file.name).unlink()
        else:
            kept.append(file)
    if files and not kept:
        said = "; ".join(f"{way}: {reason}" for way, reason in refused.items())
        raise ParityError(
            f"A quantized file answers about as well as the model. Received: {said}. Nothing was written. Choose another "
            "quantize, or allow more by max_metric_drop."
        )
    return kept


def _whole_contract(model: keras.Model, files: Iterable[DeviceFile]) -> dict[str, Any]:
    """The contract of the folder: of the SavedModel, and of the most exact TFLite file."""
    facts = contract(model)
    for file in files:
        if file.part == WHOLE:
            return facts | {"tflite": file.facts}
    return facts


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


def _sizes(folder: Path, files: Iterable[DeviceFile]) -> dict[str, int]:
    saved = [
        folder / "saved_model.pb",
        folder / "fingerprint.pb",
        *(folder / "variables").glob("*"),
        *(folder / "assets").glob("*"),
    ]
    sizes = {"savedmodel": sum(path.stat().st_size for path in saved if path.is_file())}
    return sizes | {file.name: (folder / file.name).stat().st_size for file in files}
