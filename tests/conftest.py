"""What all tests share: a quiet TensorFlow and a few real records."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

import pytest

import multimodal_keras as mk

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests start first."""
    slow = {shared_by(item.nodeid) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: shared_by(item.nodeid) not in slow)


def shared_by(nodeid: str) -> str:
    """Tests of which this is the same run in one process, as they share what takes long to make.

    That is a class's models in the contract suites, otherwise a file's fixtures, or a folder's where it has a conftest.
    """
    path, _, test = nodeid.partition("::")
    if path.endswith("_contracts.py"):
        return f"{path}::{re.split(r'[-[]', test)[-1]}"
    folder = path.rpartition("/")[0]
    return folder if folder != "tests" and (ROOT / folder / "conftest.py").exists() else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process what belongs together. (`--dist loadgroup` does not work in pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return shared_by(nodeid)

    return Scheduling(config, log)


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
    """The built package."""
    folder = tmp_path_factory.mktemp("wheel")
    # Apart from the sources: what an earlier build left there would come along.
    (folder / "build.cfg").write_text(f"[build]\nbuild_base = {folder / 'build'}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder)]
    environment = {**os.environ, "DIST_EXTRA_CONFIG": str(folder / "build.cfg")}
    root = str(ROOT)
    subprocess.run([*pip, root], check=True, timeout=300, capture_output=True, env=environment)
    return next(folder.glob("*.whl"))
