"""What tests need and Debian has."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest


def installed(name: str, *packages: str) -> str:
    """The path of what a test needs, installed where it is missing; skips without root or apt-get, except on CI.

    Args:
        name: of a command, or the path of a file.
        packages: Debian's, that bring it.
    """
    if _found(name) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", *packages)
    found = _found(name)
    if found is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"{name} is not here, and cannot be installed without root and apt-get: {' '.join(packages)}")
    return found


def _found(name: str) -> str | None:
    return name if Path(name).is_file() else shutil.which(name)


def _apt_get(*arguments: str) -> None:
    """Run apt-get, again where another one is at work."""
    for wait in (5, 30, 60, None):
        done = subprocess.run(
            ["apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=300", *arguments],
            capture_output=True,
            text=True,
            timeout=900,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
        if done.returncode == 0 or wait is None:
            return
        time.sleep(wait)
