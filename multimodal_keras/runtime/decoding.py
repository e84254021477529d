"""The host half of a model without TensorFlow: raw values to tensors, as its contract says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from multimodal_keras.runtime.image import decode_picture
from multimodal_keras.runtime.text import token_ids

Raw = Mapping[str, Sequence[bytes]]


def _text(facts: Mapping[str, Any], values: Sequence[bytes]) -> np.ndarray:
    return token_ids(
        values,
        unit=facts["unit"],
        vocabulary=facts["vocabulary"],
        sequence_length=facts["sequence_length"],
        stop_words=facts["stop_words"],
    )


def _image(facts: Mapping[str, Any], values: Sequence[bytes]) -> np.ndarray:
    height, width = facts["size"]
    return np.stack([decode_picture(value, (height, width), facts["resize"], facts["max_pixels"]) for value in values])


_KINDS: dict[str, Callable[[Mapping[str, Any], Sequence[bytes]], np.ndarray]] = {"image": _image, "text": _text}


def decode(contract: Mapping[str, Any], raw: Raw) -> dict[str, np.ndarray]:
    """Turn raw values into the tensors that a TFLite file takes.

    Args:
        contract: of the model.
        raw: field to one value for each record, `b""` where an optional field is missing.

    Returns:
        Field to `(batch, ...)`, and `bool (batch,)` `<field>_present` for optional ones: the same as the SavedModel's own
        decoding, for text and pictures to the bit.

    Raises:
        ValueError: for a value that cannot be decoded, a missing required one, or a kind of field that is unknown here.
    """
    tensors = {}
    for field, facts in sorted(contract["modalities"].items()):
        if facts["kind"] not in _KINDS:
            raise ValueError(
                f"Without TensorFlow, fields of the kinds {', '.join(sorted(_KINDS))} are decoded. Received {field!r} of "
                f"the kind {facts['kind']!r}. Use the SavedModel, or send tensors."
            )
        values = list(raw[field])
        present = np.array([len(value) > 0 for value in values], bool)
        if not facts["optional"] and not present.all():
            raise ValueError(f"{field!r} is required. Received an empty value in record {int(np.argmin(present)) + 1}.")
        tensors[field] = _KINDS[facts["kind"]](facts, values)
        if facts["optional"]:
            tensors[f"{field}_present"] = present
    return tensors
