"""The host half of a model without TensorFlow: raw values to tensors, as its contract says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from multimodal_keras.runtime.image import decode_picture
from multimodal_keras.runtime.text import token_ids, vocabulary_index

Raw = Mapping[str, Sequence[bytes]]


_Decode = Callable[[Sequence[bytes]], np.ndarray]


def _text(facts: Mapping[str, Any]) -> _Decode:
    vocabulary = facts["vocabulary"]
    return partial(
        token_ids,
        unit=facts["unit"],
        vocabulary=None if vocabulary is None else vocabulary_index(vocabulary),
        sequence_length=facts["sequence_length"],
        stop_words=facts["stop_words"],
    )


def _image(facts: Mapping[str, Any]) -> _Decode:
    size, resize, max_pixels = tuple(facts["size"]), facts["resize"], facts["max_pixels"]
    return lambda values: np.stack([decode_picture(value, size, resize, max_pixels) for value in values])


_KINDS: dict[str, Callable[[Mapping[str, Any]], _Decode]] = {"image": _image, "text": _text}


class RawDecoder:
    """Turns raw values into the tensors that a TFLite file takes. Any number of threads may call one.

    Args:
        contract: of the model.
    """

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._fields = dict(sorted(contract["modalities"].items()))
        known = {field: facts for field, facts in self._fields.items() if facts["kind"] in _KINDS}
        self._decode = {field: _KINDS[facts["kind"]](facts) for field, facts in known.items()}

    def __call__(self, raw: Raw) -> dict[str, np.ndarray]:
        """Decode a batch.

        Args:
            raw: field to one value for each record, `b""` where an optional field is missing.

        Returns:
            Field to `(batch, ...)`, and `bool (batch,)` `<field>_present` for optional ones: the same as the SavedModel's
            own decoding, for text and pictures to the bit.

        Raises:
            ValueError: for a value that cannot be decoded, a missing required one, or a kind of field that is unknown here.
        """
        tensors = {}
        for field, facts in self._fields.items():
            if field not in self._decode:
                raise ValueError(
                    f"Without TensorFlow, fields of the kinds {', '.join(sorted(_KINDS))} are decoded. Received {field!r} "
                    f"of the kind {facts['kind']!r}. Use the SavedModel, or send tensors."
                )
            values = list(raw[field])
            present = np.array([len(value) > 0 for value in values], bool)
            if not facts["optional"] and not present.all():
                number = int(np.argmin(present)) + 1
                raise ValueError(f"{field!r} is required. Received an empty value in record {number}. Fill it.")
            tensors[field] = self._decode[field](values)
            if facts["optional"]:
                tensors[f"{field}_present"] = present
        return tensors
