#!/usr/bin/env python3
"""Ask a running server for its status, its metadata and one prediction, and compare with what the SavedModel said.

Needs Python 3.9 or newer, and nothing else. Exit code 0: all is well; 1: it is not, and the last line says why.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SECONDS = 60.0


def ask(url: str, body: bytes | None = None) -> Any:
    """The JSON that the server answers; its refusal ends the test."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=SECONDS) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"FAILED: {url}: status {error.code}: {error.read().decode('utf-8', 'replace')}") from error


def wait(url: str, seconds: float) -> None:
    """Return once the server listens, which it does when its models are loaded."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=SECONDS).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError as error:
            if time.monotonic() >= deadline:
                raise SystemExit(f"FAILED: {url}: no server: {error}") from error
            time.sleep(0.5)


def check(right: bool, what: str) -> None:
    """Go on, or end the test."""
    if not right:
        raise SystemExit(f"FAILED: {what}")
    print(f"ok: {what}")


def close(said: Any, expected: Any, absolute: float, relative: float) -> bool:
    """Whether two nests of lists hold the same numbers, within a tolerance."""
    if isinstance(expected, list):
        return (
            isinstance(said, list)
            and len(said) == len(expected)
            and all(close(one, other, absolute, relative) for one, other in zip(said, expected))  # noqa: B905
        )
    return math.isclose(float(said), float(expected), rel_tol=relative, abs_tol=absolute)


def main() -> None:
    """Run the three checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8501")
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="for the server to start")
    options = parser.parse_args()
    expected = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
    path = f"{options.url}/v1/models/{expected['model']}"
    wait(path, options.wait)
    states = {status["version"]: status["state"] for status in ask(path)["model_version_status"]}
    version = expected["version"]
    check(states.get(version) == "AVAILABLE", f"version {version} is available, of {states}")
    path += f"/versions/{version}"
    signature = ask(f"{path}/metadata")["metadata"]["signature_def"]["signature_def"]["serving_default"]
    inputs = {name: info["dtype"] for name, info in signature["inputs"].items()}
    check(inputs == expected["inputs"], f"the inputs are {inputs}")
    check(
        sorted(signature["outputs"]) == sorted(expected["outputs"]), f"the outputs are {sorted(signature['outputs'])}"
    )
    row = ask(f"{path}:predict", (HERE / "request.json").read_bytes())["predictions"][0]
    said = row if len(expected["outputs"]) > 1 else dict.fromkeys(expected["outputs"], row)
    for task, numbers in expected["outputs"].items():
        right = close(said[task], numbers, expected["absolute_tolerance"], expected["relative_tolerance"])
        check(right, f"{task} is {said[task]}, the SavedModel itself said {numbers}")


if __name__ == "__main__":
    main()
