"""The exported tokenizers at work, each in a process of its own language."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from debian import installed

from multimodal_keras.runtime.text import load_tables

DRIVERS = Path(__file__).with_name("drivers")
LANGUAGES = ("python", "javascript", "kotlin", "swift")

Arguments = Callable[[Path, Path], list[str]]


def runner(language: str, device: Path, built: Path) -> Arguments:
    """The command line that tokenises, for a contract and cases.

    Args:
        language: one of `LANGUAGES`.
        device: the exported folder with the tokenizers.
        built: where to compile to.
    """
    return {"python": _python, "javascript": _javascript, "kotlin": _kotlin, "swift": _swift}[language](device, built)


def _python(device: Path, built: Path) -> Arguments:
    # Isolated and without site-packages: only the standard library can be imported.
    start = [sys.executable, "-I", "-S", str(DRIVERS / "run.py"), str(device / "tokenizer.py")]
    return lambda contract, cases: [*start, str(contract), str(cases)]


def _javascript(device: Path, built: Path) -> Arguments:
    node = installed("node", "nodejs")
    module = shutil.copyfile(device / "tokenizer.js", built / "tokenizer.mjs")
    return lambda contract, cases: [node, str(DRIVERS / "run.mjs"), str(module), str(contract), str(cases)]


def _kotlin(device: Path, built: Path) -> Arguments:
    json_of_android = installed("/usr/share/java/com.android.json.jar", "libandroid-json-java")
    sources = [device / "Tokenizer.kt", device / "TokenizerContract.kt", DRIVERS / "Run.kt"]
    start = kotlin_program(sources, built / "run.jar", json_of_android)
    return lambda contract, cases: [*start, "RunKt", str(contract), str(cases)]


def kotlin_program(sources: list[Path], jar: Path, *libraries: str) -> list[str]:
    """Compile Kotlin, and give the command line that runs a class of it."""
    library = installed("/usr/share/java/kotlin-stdlib.jar", "kotlin", "default-jre-headless")
    build([installed("kotlinc", "kotlin"), "-classpath", os.pathsep.join([*libraries, library]), *sources, "-d", jar])
    return [installed("java", "default-jre-headless"), "-classpath", os.pathsep.join([str(jar), *libraries, library])]


def _swift(device: Path, built: Path) -> Arguments:
    build([swift_compiler(), "-O", device / "Tokenizer.swift", DRIVERS / "main.swift", "-o", built / "run"])
    return lambda contract, cases: [str(built / "run"), str(contract), str(cases)]


def swift_compiler() -> str:
    """The path of `swiftc`; skips without one."""
    compiler = shutil.which("swiftc")
    if compiler is None:
        pytest.skip("swiftc is not here: Debian has swiftlang from version 13 on, half a gigabyte of it")
    return compiler


def build(arguments: list[Any]) -> None:
    """Run a compiler."""
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command line of a `runner`."""
    return subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False)


def write_cases(path: Path, cases: Mapping[str, list[dict[str, Any]]]) -> Path:
    """Cases by field, in the order of their names."""
    path.write_text(json.dumps({field: cases[field] for field in sorted(cases)}), encoding="utf-8")
    return path


def as_case(text: str | bytes) -> dict[str, str]:
    """A text as the golden vectors have it."""
    return {"text": text} if isinstance(text, str) else {"base64": base64.b64encode(text).decode("ascii")}


def hostile(count: int, seed: int = 7) -> list[str | bytes]:
    """Random texts of all planes, the edges of all tables, and bytes that are no longer UTF-8."""
    draw = random.Random(seed)
    ranges = [row for name in ("noncharacters", "separators", "split", "lower") for row in load_tables()[name]]
    edges = {point for first, last, *_ in ranges for point in (first - 1, first, last, last + 1)}
    edges = sorted(point for point in edges if 0 <= point < 0x110000 and not 0xD800 <= point < 0xE000)
    planes = [range(0x20, 0x7F), range(0x80, 0x250), range(0x250, 0xD800), range(0xE000, 0x110000), edges]
    texts: list[str | bytes] = ["".join(map(chr, edges[start : start + 24])) for start in range(0, len(edges), 24)]
    for number in range(count):
        points = [draw.choice(planes[draw.randrange(len(planes))]) for _ in range(draw.randrange(40))]
        text = (
            "".join(map(chr, points)) if number % 2 else " ".join(chr(point) * draw.randrange(1, 4) for point in points)
        )
        texts.append(text if number % 3 else _mutated(text.encode("utf-8"), draw))
    return texts


def _mutated(text: bytes, draw: random.Random) -> bytes:
    line = bytearray(text)
    for _ in range(min(len(line), 4)):
        line[draw.randrange(len(line))] = draw.randrange(256)
    return bytes(line[: draw.randrange(len(line) + 1)])
