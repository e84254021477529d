"""The records of a run."""

from __future__ import annotations

from pathlib import Path

from multimodal_keras.data import Records
from multimodal_keras.spec import make_spec, read_spec
from multimodal_keras.training import parts_of

RUN_FILE = "run.yaml"


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
