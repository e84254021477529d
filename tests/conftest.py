"""What all tests share: a quiet TensorFlow and a few real records."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

import pytest

import multimodal_keras as mk


@pytest.fixture(scope="session")
def clipart() -> mk.data.Records:
    """64 real training records of four subjects, mixed."""
    records = list(mk.data.clipart().where(split="train"))
    chosen = []
    for subject in sorted({record["subject"] for record in records})[:4]:
        chosen.append([record for record in records if record["subject"] == subject][:16])
    mixed = [record for records in zip(*chosen, strict=True) for record in records]
    return mk.data.Records.of(mixed, folder=mk.data.clipart().folder)


@pytest.fixture
def seeded() -> None:
    """The same random numbers in every run."""
    import keras

    keras.utils.set_random_seed(7)
