"""The host half of a model without TensorFlow: raw values to tensors, as its contract says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from multimodal_keras.runtime.kinds import KINDS, kind_of
from multimodal_keras.runtime.raw import Raw, is_absent


class RawDecoder:
    """Turns raw values into the tensors that a TFLite file takes. Any number of threads may call one.

    Args:
        contract: of the model.
    """

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._fields = dict(sorted(contract["modalities"].items()))
        known = {field: facts for field, facts in self._fields.items() if facts["kind"] in KINDS}
        self._decode = {field: kind_of(field, facts).decoder(facts) for field, facts in known.items()}

    def __call__(self, raw: Mapping[str, Sequence[Raw] | np.ndarray]) -> dict[str, np.ndarray]:
        """Decode a batch.

        Args:
            raw: field to one value for each record; `b""` or what `runtime.raw.absent` says where an optional field is
                missing.

        Returns:
            Field to `(batch, ...)`, and `bool (batch,)` `<field>_present` for optional ones: the same as the SavedModel's
            own decoding, for text and pictures to the bit.

        Raises:
            ValueError: for a value that cannot be decoded, a missing required one, or a kind of field that is unknown here.
        """
        tensors = {}
        for field, facts in self._fields.items():
            if field not in self._decode:
                kind_of(field, facts)
            values = list(raw[field])
            present = np.array([not is_absent(value) for value in values], bool)
            tensor = self._decode[field](values)
            if tensor.dtype.kind == "f" and tensor.size:
                # The part that is kept may hold nothing.
                present &= ~np.isnan(tensor).reshape(len(tensor), -1).all(axis=1)
            if not facts["optional"] and not present.all():
                number = int(np.argmin(present)) + 1
                raise ValueError(f"{field!r} is required. Received an empty value in record {number}. Fill it.")
            tensors[field] = tensor
            if facts["optional"]:
                tensors[f"{field}_present"] = present
        return tensors
