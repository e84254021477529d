"""What is read from a KerasHub preset: backbone, scaling of pixels, tokenizer."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Any

import numpy as np


def keras_hub() -> Any:
    """The module, imported when it is needed: it takes seconds, and is an extra."""
    if importlib.util.find_spec("keras_hub") is None:
        raise ValueError(
            "HubEncoder needs KerasHub. Received an installation without it. Run: pip install 'multimodal-keras[hub]'"
        )
    return importlib.import_module("keras_hub")


def backbone_of(preset: str) -> Any:
    """The backbone of a preset, with its weights."""
    try:
        return keras_hub().models.Backbone.from_preset(preset)
    except Exception as error:
        raise ValueError(
            f"A preset is a name that KerasHub knows, or a folder that save_to_preset wrote. Received {preset!r}, which it "
            f"cannot load: {error}. Check the name; names are downloaded, folders are not."
        ) from error


def scaling_of(preset: str) -> tuple[Any, Any] | None:
    """Scale and offset of the preset's image converter, for pixels in [0, 1]; None without one."""
    try:
        converter = keras_hub().layers.ImageConverter.from_preset(preset)
    except (ValueError, FileNotFoundError):
        return None
    scale = np.multiply(1.0 if converter.scale is None else converter.scale, 255.0)
    offset = np.asarray(0.0 if converter.offset is None else converter.offset, float)
    return scale.ravel().tolist(), offset.ravel().tolist()


def hub_symbols(preset: str) -> list[str]:
    """All tokens of a preset's tokenizer in the order of their ids: the `symbols` of a `SequenceModality`.

    Args:
        preset: a name that KerasHub knows, or a folder.

    Returns:
        As many tokens as the backbone embeds.
    """
    tokenizer = keras_hub().models.Tokenizer.from_preset(preset)
    return [tokenizer.id_to_token(number) for number in range(tokenizer.vocabulary_size())]


def hub_tokens(preset: str, texts: Iterable[str]) -> list[str]:
    """Texts as a preset's tokenizer cuts them, between its marks of start and end, separated by spaces.

    That is what a `SequenceModality(unit="token", symbols=hub_symbols(preset))` takes. It happens before a record is sent:
    the tokenizers of KerasHub are made of ops of TensorFlow Text, which no stock TF Serving has, so they cannot be in
    `decode`.

    Args:
        preset: a name that KerasHub knows, or a folder.
        texts: strings.

    Returns:
        A string for each text, such as `"[CLS] the cat ##s [SEP]"`.
    """
    tokenizer = keras_hub().models.Tokenizer.from_preset(preset)
    start, end = (
        next((getattr(tokenizer, name) for name in names if getattr(tokenizer, name, None)), "")
        for names in (("cls_token", "start_token"), ("sep_token", "end_token"))
    )
    rows = tokenizer(list(texts))
    rows = rows.to_list() if hasattr(rows, "to_list") else rows  # ragged, or lists, by version
    return [" ".join([start, *map(tokenizer.id_to_token, row), end]).strip() for row in rows]
