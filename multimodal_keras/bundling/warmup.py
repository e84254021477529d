"""Warm-up records, which TensorFlow Serving answers while it loads a version.

They are `PredictionLog` messages of its API. Each is a few fields around tensors that TensorFlow itself writes, so the
fields are written here, and `tensorflow-serving-api` is not needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.bundling.samples import RawRecord, batch_of
from multimodal_keras.bundling.source import SIGNATURE
from multimodal_keras.runtime.artefacts import SavedModelArtefact

WARM_UP = Path("assets.extra", "tf_serving_warmup_requests")
# TensorFlow Serving refuses a version with more.
MOST_RECORDS = 1000
_LENGTH_DELIMITED = 2
# Numbers of fields in prediction_log.proto, predict.proto and model.proto.
_LOG_PREDICT, _PREDICT_REQUEST, _REQUEST_MODEL, _REQUEST_INPUTS, _MODEL_NAME, _MODEL_SIGNATURE = 6, 1, 1, 2, 1, 3

Request = tuple[str, dict[str, Any]]


def warm_up_requests(artefact: SavedModelArtefact, records: Iterable[RawRecord]) -> list[Request]:
    """Signature and inputs of each call: every record by the raw signature, the first by each other one too.

    Raises:
        ValueError: if the model does not answer one of them: TensorFlow Serving would not load it.
    """
    requests: list[Request] = [(SIGNATURE, batch_of(raw)) for raw in records]
    first = requests[0][1]
    for name, signature in sorted(artefact.contract["signatures"].items()):
        if name != SIGNATURE:
            raw = artefact.contract["signatures"][SIGNATURE]["inputs"]
            inputs = {
                key: first[key] if raw.get(key) == spec else _ones(spec)
                for key, spec in sorted(signature["inputs"].items())
            }
            requests.append((name, inputs))
    for number, (name, inputs) in enumerate(requests[:MOST_RECORDS], 1):
        try:
            artefact.call(name, inputs)
        except Exception as error:
            raise ValueError(
                "The model answers each warm-up record, or TensorFlow Serving does not load it. "
                f"Received record {number}, which it refuses ({type(error).__name__}). Choose other records."
            ) from error
    return requests[:MOST_RECORDS]


def write_warm_up(folder: Path, model: str, contract: Mapping[str, Any], requests: Iterable[Request]) -> None:
    """Write the records of a version.

    Args:
        folder: of the version.
        model: its name.
        contract: says the dtype of each input.
        requests: as `warm_up_requests` returns them.
    """
    tensorflow = importlib.import_module("tensorflow")
    path = folder / WARM_UP
    path.parent.mkdir(exist_ok=True)
    with tensorflow.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            specs = contract["signatures"][signature]["inputs"]
            tensors = {
                name: tensorflow.make_tensor_proto(value, dtype=specs[name]["dtype"]).SerializeToString()
                for name, value in inputs.items()
            }
            writer.write(_prediction_log(model, signature, tensors))


def _prediction_log(model: str, signature: str, tensors: Mapping[str, bytes]) -> bytes:
    spec = _field(_MODEL_NAME, model.encode("utf-8")) + _field(_MODEL_SIGNATURE, signature.encode("utf-8"))
    request = _field(_REQUEST_MODEL, spec)
    for name, tensor in sorted(tensors.items()):
        # A map is entries of a key (1) and a value (2).
        request += _field(_REQUEST_INPUTS, _field(1, name.encode("utf-8")) + _field(2, tensor))
    return _field(_LOG_PREDICT, _field(_PREDICT_REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """A field of protobuf's wire format whose content is bytes, a string or a message."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _ones(spec: Mapping[str, Any]) -> np.ndarray:
    """What is present, and tokens and pixels like any other."""
    return np.ones([size or 1 for size in spec["shape"]], spec["dtype"])
