"""The model that is served, real requests to it, and the answers that they must get."""

from __future__ import annotations

import json
import random
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIZE = (96, 96)


def build(seed: int = 1) -> Any:
    """A title, which may be missing, and a picture; a label and a value. Untrained, which is as fast."""
    import keras

    import multimodal_keras as mk

    keras.utils.set_random_seed(seed)
    return mk.build_model(
        {"title": mk.TextModality(sequence_length=16, optional=True), "image": mk.ImageModality(size=SIZE)},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()},
        encoders={"title": "LSTMEncoder", "image": "Conv2DEncoder"},
        fusion="CrossAttentionFusion",
        adapt_to=mk.data.clipart().where(split="train"),
    )


def export(model: Any, folder: Path, tflite: bool = False) -> Path:
    """Export it, without asking how good it is."""
    import multimodal_keras as mk

    train = mk.data.clipart().where(split="train")
    return mk.export(model, folder, sample=train, sample_size=16, tflite=tflite).folder


def write(model: Any, folder: Path) -> Path:
    """The SavedModel with its contract alone, in half a minute less: its parity is not measured."""
    from multimodal_keras.exporting.contract import contract
    from multimodal_keras.exporting.savedmodel import write_savedmodel

    write_savedmodel(model, folder)
    (folder / "contract.json").write_text(json.dumps(contract(model)), encoding="utf-8")
    return folder


def change(model: Any) -> Any:
    """The same model with other weights, as after more training; smaller ones, where rounding weighs no more."""
    for variable in model.trainable_variables:
        variable.assign(0.8 * variable)
    return model


def requests(count: int, together: int = 1) -> list[bytes]:
    """Bodies of `POST /predict`.

    Args:
        count: of them.
        together: records in each.

    Returns:
        JSON; each second picture is a JPEG, the others are PNG.
    """
    import multimodal_keras as mk

    records = mk.data.clipart().where(split="train")
    drawn = random.Random(7).sample(list(records), count * together)
    rows = []
    for number, record in enumerate(drawn):
        content = Path(records.folder, record["image"]).read_bytes()
        content = as_jpeg(content) if number % 2 else content
        rows.append({"title": record["title"] or "", "image": {"b64": b64encode(content).decode()}})
    bodies = [rows[start : start + together] for start in range(0, len(rows), together)]
    return [json.dumps({"records": body} if together > 1 else body[0]).encode() for body in bodies]


def as_jpeg(content: bytes) -> bytes:
    """A picture's file as JPEG's."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGBA").convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


def raw(body: bytes) -> dict[str, list[bytes]]:
    """A body as the signature takes it."""
    parsed = json.loads(body)
    records = parsed.get("records", [parsed])
    return {
        "title": [record["title"].encode() for record in records],
        "image": [b64decode(record["image"]["b64"]) for record in records],
    }


def answers(folder: Path, bodies: Sequence[bytes]) -> list[list[dict[str, Any]]]:
    """What a server must answer to each body, computed in this process, record by record."""
    from multimodal_keras.runtime.answers import answers as say
    from multimodal_keras.runtime.artefacts import load

    artefact = load(folder)
    found = []
    for body in bodies:
        values = raw(body)
        rows = [{name: [column[row]] for name, column in values.items()} for row in range(len(values["title"]))]
        found.append([say(artefact.contract, artefact.outputs(row))[0] for row in rows])
    return found
