"""The image of our own loader: Docker is not here, so what it would do is read, and its commands are run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from bundle_serving import free_port

import multimodal_keras as mk
from multimodal_keras.bundling.pinned import pinned

SECONDS = 300


@pytest.fixture(scope="module")
def steps(drawings: Path) -> list[tuple[str, str]]:
    """Instruction and arguments of each step."""
    text = (drawings / "loader.Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def only(steps: list[tuple[str, str]], instruction: str) -> str:
    (found,) = [arguments for name, arguments in steps if name == instruction]
    return found


def test_the_image(steps: list[tuple[str, str]], drawings: Path) -> None:
    known = {"FROM", "COPY", "RUN", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"}
    assert {name for name, _ in steps} <= known
    assert steps[0] == ("FROM", f"python:{sys.version_info.major}.{sys.version_info.minor}-slim")
    names = [name for name, _ in steps]
    # What runs as root is the installation alone.
    assert names.index("RUN") < names.index("USER") < names.index("CMD")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", only(steps, "USER"))
    for source in ("loader-constraints.txt", "models"):
        assert (drawings / source).exists()
        assert [arguments for name, arguments in steps if name == "COPY" and source in arguments.split()]
    assert f'"multimodal-keras[serve]=={mk.__version__}"' in only(steps, "RUN")


def test_versions_are_pinned(drawings: Path) -> None:
    lines = (drawings / "loader-constraints.txt").read_text(encoding="utf-8").splitlines()
    versions = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {"tensorflow", "keras", "numpy", "flask", "werkzeug", "waitress", "prometheus-client"} <= versions.keys()
    assert all(metadata.version(name) == version for name, version in versions.items())
    # What another extra brings is not there, nor the package itself.
    assert not {"multimodal-keras", "pytest", "selenium"} & versions.keys()
    assert pinned("no-such-package", "serve") == []


def test_its_commands_run(steps: list[tuple[str, str]], drawings: Path, tmp_path: Path) -> None:
    """The CMD with this machine's paths and a free port; the health check fails before it is ready, and succeeds then."""
    port, models, before = free_port(), str(drawings / "models"), sorted(drawings.rglob("*"))
    here = [sys.executable, "-m", "multimodal_keras"]
    command = json.loads(only(steps, "CMD"))
    assert command[0] == "multimodal-keras"
    command = [word.replace("/models", models).replace("8501", str(port)) for word in command[1:]]
    command[command.index("--host") + 1] = "127.0.0.1"
    check = json.loads(only(steps, "HEALTHCHECK").partition("CMD ")[2])
    check = [sys.executable, *(word.replace("8501", str(port)) for word in check[1:])]
    variables = dict(word.split("=") for word in only(steps, "ENV").split())
    environment = {**os.environ, **variables, "HOME": str(tmp_path)}
    process = subprocess.Popen([*here, *command], env=environment, stderr=subprocess.DEVNULL)
    try:
        assert subprocess.run(check, capture_output=True, timeout=SECONDS, check=False).returncode != 0
        deadline = time.monotonic() + SECONDS
        while subprocess.run(check, capture_output=True, timeout=SECONDS, check=False).returncode != 0:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.terminate()
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait(SECONDS)
    # What libraries keep for themselves is in HOME, which the image can write; what it serves is as it was.
    assert all(path.name.startswith(".") for path in tmp_path.iterdir())
    assert sorted(drawings.rglob("*")) == before


def test_compose_and_kubernetes(drawings: Path, steps: list[tuple[str, str]]) -> None:
    compose = yaml.safe_load((drawings / "loader-compose.yaml").read_text(encoding="utf-8"))["services"]["loader"]
    assert (drawings / compose["build"]["dockerfile"]).exists()
    assert compose["ports"] == ["127.0.0.1:8501:8501"]
    assert (compose["user"], compose["read_only"], compose["cap_drop"]) == (only(steps, "USER"), True, ["ALL"])
    deployment, service = yaml.safe_load_all((drawings / "loader-deployment.yaml").read_text(encoding="utf-8"))
    pod: Any = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    assert [port["containerPort"] for port in container["ports"]] == [int(only(steps, "EXPOSE"))]
    paths = {probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
