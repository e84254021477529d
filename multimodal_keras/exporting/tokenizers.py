"""What an app needs beside the TFLite file to prepare text: tokenizers to copy, and vectors that prove the copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras

from multimodal_keras.base import parts
from multimodal_keras.exporting.golden import write_golden

DEVICE, GOLDEN = "device", "golden.json"
_SOURCES = Path(__file__).with_name("device")


def write_tokenizers(model: keras.Model, folder: Path) -> None:
    """Write the tokenizers and `golden.json`; nothing where the model reads no text.

    Args:
        model: made by `build_model`.
        folder: where to; made where it is missing. The tokenizers read `contract.json`, one folder up.
    """
    texts = {field: modality for field, modality in parts(model).modalities.items() if modality.kind == "text"}
    if not texts:
        return
    folder.mkdir(exist_ok=True)
    for source in sorted(_SOURCES.glob("*.*")):
        shutil.copyfile(source, folder / source.name)
    write_golden(folder / GOLDEN, texts)
