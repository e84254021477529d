"""What all tests share: a quiet TensorFlow and a few real records."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

import pytest

import multimodal_keras as mk


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file run in one process, as they share what takes long to make; slow ones start first.

    A test of another `xdist_group` goes with its group.
    """
    groups = [next(item.iter_markers("xdist_group"), None) for item in items]
    for item, group in zip(items, groups, strict=True):
        if group is None:
            item.add_marker(pytest.mark.xdist_group(item.location[0]))
    slow = {_group(item) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: _group(item) not in slow)


def _group(item: pytest.Item) -> str:
    return next(item.iter_markers("xdist_group")).args[0]


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


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built package. Tests that use it are of the group "wheel", so that one process builds it for all of them."""
    folder = tmp_path_factory.mktemp("wheel")
    # Apart from the sources: what an earlier build left there would come along.
    (folder / "build.cfg").write_text(f"[build]\nbuild_base = {folder / 'build'}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder)]
    environment = {**os.environ, "DIST_EXTRA_CONFIG": str(folder / "build.cfg")}
    root = str(Path(__file__).parents[1])
    subprocess.run([*pip, root], check=True, timeout=300, capture_output=True, env=environment)
    return next(folder.glob("*.whl"))
