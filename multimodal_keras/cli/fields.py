"""Flags that name the fields of records, and the modalities that they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

# Flag to the modality's class, and to what its fields hold.
MODALITIES = {
    "text": ("TextModality", "texts"),
    "image": ("ImageModality", "pictures"),
    "audio": ("AudioModality", "sounds"),
    "embedding": ("EmbeddingModality", "vectors that were computed elsewhere"),
    "pointcloud": ("PointCloudModality", "points in space"),
    "sequence": ("SequenceModality", "sequences of symbols"),
    "video": ("VideoModality", "videos, or folders of frames"),
    "timeseries": ("TimeSeriesModality", "measurements over time"),
}
TABULAR = "tabular"
HEADS = {
    "classify": ("ClassificationHead", "one label"),
    "multilabel": ("MultiLabelHead", "labels"),
    "regress": ("RegressionHead", "a number"),
}


def add_field_flags(command: argparse.ArgumentParser) -> None:
    """Add a flag for each kind of field and of task."""
    fields = command.add_argument_group("fields (repeat, or separate by commas)")
    for flag, (_, content) in MODALITIES.items():
        fields.add_argument(f"--{flag}", action="append", metavar="FIELD", help=f"fields that hold {content}")
    fields.add_argument(
        f"--{TABULAR}",
        action="append",
        metavar="COLUMN[:KIND]",
        help=f"columns of the field {TABULAR!r}; the kind is number, category, boolean or date, or found from the records",
    )
    fields.add_argument("--optional", action="append", metavar="FIELD", help="fields that a record may lack")
    for flag, (_, content) in HEADS.items():
        fields.add_argument(f"--{flag}", action="append", metavar="TASK", help=f"fields that hold {content} to predict")


def named_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The `modalities` and `heads` of a run file that the flags stand for; neither where no flag names one.

    Raises:
        ValueError: if `--optional` names a field that no other flag names.
    """
    optional = names(options.optional)
    modalities = {
        field: {"class_name": cls, "config": {"optional": field in optional}}
        for flag, (cls, _) in MODALITIES.items()
        for field in names(getattr(options, flag))
    }
    if columns := [_column(name) for name in names(getattr(options, TABULAR))]:
        config = {"columns": columns, "optional": TABULAR in optional}
        modalities[TABULAR] = {"class_name": "TabularModality", "config": config}
    heads = {task: cls for flag, (cls, _) in HEADS.items() for task in names(getattr(options, flag))}
    if optional and not modalities:
        raise ValueError(
            f"--optional names fields of {', '.join(f'--{flag}' for flag in (*MODALITIES, TABULAR))}. Received none of "
            "these. Name them too."
        )
    if strangers := sorted(set(optional) - set(modalities)):
        raise ValueError(
            f"--optional names fields that other flags name: {', '.join(modalities)}. Received {', '.join(strangers)}. "
            "Rename it, or name its kind too."
        )
    found: Mapping[str, Any] = {"modalities": modalities, "heads": heads}
    return {name: value for name, value in found.items() if value}


def _column(name: str) -> dict[str, str]:
    name, _, kind = name.partition(":")
    return {"name": name, "kind": kind} if kind else {"name": name}


def names(values: list[str] | None) -> list[str]:
    """What was named, by repeating a flag or by commas."""
    return [name.strip() for value in values or [] for name in value.split(",") if name.strip()]
