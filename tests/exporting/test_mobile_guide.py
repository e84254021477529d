"""The code in the guide for phones compiles, and gives Python's pixels; its names are those of an export."""

from __future__ import annotations

import base64
import random
import re
import subprocess
from pathlib import Path

import device_runs
import numpy as np
import pytest
from PIL import Image

import multimodal_keras as mk
from multimodal_keras import exporting
from multimodal_keras.runtime.resize import RESIZES, resize_pixels

ROOT = Path(__file__).parents[2]
DRIVERS = device_runs.DRIVERS / "pixels"


def block(document, name):
    """A fenced block that begins with its file's name."""
    return re.search(rf"```\w+\n(// {re.escape(name)}\n.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.S)[1]


@pytest.fixture(scope="module")
def pictures():
    """Real drawings, and noise of odd sizes, with the sizes that they shall get."""
    draw = random.Random(5)
    given = []
    for record in mk.data.clipart().take(12):
        with Image.open(mk.data.clipart().folder / record["image"]) as image:
            given.append(np.asarray(image.convert("RGB")))
    noise = np.random.default_rng(5)
    sides = [(1, 1), (1, 9), (9, 1), (2, 3), (40, 7), (63, 64), (65, 200), (128, 128)]
    given += [noise.integers(0, 256, (*side, 3), np.uint8) for side in sides for _ in range(3)]
    goals = [(1, 1), (8, 8), (16, 24), (24, 7), (64, 64), (96, 80)]
    return [(picture, draw.choice(goals), resize) for picture in given for resize in RESIZES]


def compiled(language, folder):
    if language == "kotlin":
        (folder / "Pixels.kt").write_text(block("docs/mobile.md", "Pixels.kt"), encoding="utf-8")
        sources = [folder / "Pixels.kt", DRIVERS / "RunPixels.kt"]
        return [*device_runs.kotlin_program(sources, folder / "run.jar"), "RunPixelsKt"]
    (folder / "Pixels.swift").write_text(block("docs/mobile.md", "Pixels.swift"), encoding="utf-8")
    sources = [folder / "Pixels.swift", DRIVERS / "main.swift"]
    device_runs.build([device_runs.swift_compiler(), "-O", *sources, "-o", folder / "run"])
    return [str(folder / "run")]


@pytest.mark.parametrize("language", ["kotlin", "swift"])
def test_pictures_are_resized_to_the_bit(language, pictures, tmp_path):
    command = compiled(language, tmp_path)
    lines = [
        " ".join(map(str, (*picture.shape[:2], *goal, resize, base64.b64encode(picture.tobytes()).decode("ascii"))))
        for picture, goal, resize in pictures
    ]
    (tmp_path / "cases.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(
        [*command, str(tmp_path / "cases.txt")], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    for (picture, goal, resize), line in zip(pictures, done.stdout.splitlines(), strict=True):
        expected = resize_pixels(picture, goal, resize)
        assert np.array_equal(np.frombuffer(base64.b64decode(line), np.uint8), expected.ravel()), (
            picture.shape,
            goal,
            resize,
        )


@pytest.mark.parametrize("name", ["Classifier.kt", "Classifier.swift"])
def test_the_classes_in_the_readme_use_the_names_of_an_export(name):
    model = mk.build_model(
        {"title": mk.TextModality(4, vocabulary=["cat"]), "image": mk.ImageModality((8, 8), optional=True)},
        {"subject": mk.ClassificationHead(labels=["animals", "tools"])},
    )
    contract, code = exporting.contract(model), block("README.md", name)
    inputs, outputs = contract["tflite"]["inputs"], contract["tflite"]["outputs"]
    for part in (*inputs, *outputs, contract["tflite"]["signature"], "modalities", "tasks", "labels", "size", "resize"):
        assert f'"{part}"' in code
