"""The records of a run."""

from __future__ import annotations

from pathlib import Path

from multimodal_keras.data import Records, read
from multimodal_keras.spec import RunSpec, make_spec, read_spec

RUN_FILE = "run.yaml"


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
