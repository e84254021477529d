"""The records of a run."""

from __future__ import annotations

import json
from pathlib import Path

from multimodal_keras.data import Records, read
from multimodal_keras.spec import make_spec, read_spec
from multimodal_keras.training import parts_of

RUN_FILE, CALIBRATION_FILE = "run.yaml", "calibration.json"


def valid_records(run: str | Path) -> Records:
    """The validation records of a run folder.

    Raises:
        ValueError: if the folder holds no run, or the run had no validation records.
    """
    path = Path(run, RUN_FILE)
    valid = parts_of(make_spec(read_spec(path)))[1] if path.exists() else None
    if not valid:
        raise ValueError(
            f"Calibration needs records that a run was not trained on. {run} has none. Name some by --data."
        )
    return valid


def calibration_records(run: str | Path) -> Records | None:
    """The records that a run was calibrated on; None if it is not calibrated."""
    path = Path(run, CALIBRATION_FILE)
    if not path.exists():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    return valid_records(run) if data is None else read(data)


def test_records(run: str | Path) -> Records:
    """The test records of a run folder: those that it never trained on.

    Raises:
        ValueError: if the folder holds no run, or the run set no records aside.
    """
    path = Path(run, RUN_FILE)
    if not path.exists():
        raise ValueError(f"A run folder holds {RUN_FILE}. Received {str(run)!r}. Name records by --data or --sample.")
    _, valid, test = parts_of(make_spec(read_spec(path)))
    chosen = test or valid
    if not chosen:
        raise ValueError(f"{run} set no records aside. Name records by --data or --sample.")
    return chosen
