"""Put the contract into a TFLite file, so that one file is enough."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from multimodal_keras.exporting.description import described, file_texts
from multimodal_keras.runtime.artefacts import CONTRACT

_IDENTIFIER, _METADATA = b"TFL3", b"TFLITE_METADATA"
_DATE = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever it is written


def packed(content: bytes, contract: Mapping[str, Any]) -> bytes:
    """A TFLite file with its contract.

    Inside are TFLite's own metadata about each input and output; behind the model, where interpreters do not look, is an
    uncompressed zip archive: `contract.json`, `<task>_labels.txt` and `<field>_vocabulary.txt`.

    Args:
        content: of the file as it was converted; what was packed with it before is replaced.
        contract: of this very file.

    Returns:
        The content of the packed file; the same for the same arguments.
    """
    model = opened(content)
    inputs, outputs = _names(model, contract["tflite"]["signature"])
    _put(model, described(contract, inputs, outputs))
    # What only concerns the SavedModel stays with it.
    own = {key: value for key, value in contract.items() if key != "signatures"}
    texts = {CONTRACT: json.dumps(own, ensure_ascii=False, allow_nan=False), **file_texts(contract)}
    return _with_files(written(model), texts)


def opened(content: bytes) -> schema.ModelT:
    """A TFLite file as objects that can be changed."""
    model = schema.ModelT.InitFromPackedBuf(content)
    for buffer in model.buffers:
        # LiteRT's quantizer puts weights behind the model, at places that would no longer be right.
        if buffer.offset > 1:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def written(model: schema.ModelT) -> bytes:
    """The content of a TFLite file; the same for the same objects."""
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _names(model: schema.ModelT, signature: str) -> tuple[list[str], list[str]]:
    """The names of inputs and outputs in the order of the tensors."""
    found = next(found for found in model.signatureDefs if found.signatureKey == signature.encode())
    graph = model.subgraphs[found.subgraphIndex]

    def named(places: Any, maps: Any) -> list[str]:
        names = {entry.tensorIndex: entry.name.decode() for entry in maps}
        return [names[place] for place in places]

    return named(graph.inputs, found.inputs), named(graph.outputs, found.outputs)


def _put(model: schema.ModelT, metadata: bytes) -> None:
    entries = [entry for entry in model.metadata or [] if entry.name == _METADATA]
    if not entries:
        entry = schema.MetadataT()
        entry.name, entry.buffer = _METADATA, len(model.buffers)
        model.metadata = [*(model.metadata or []), entry]
        model.buffers.append(schema.BufferT())
        entries = [entry]
    model.buffers[entries[0].buffer].data = np.frombuffer(metadata, np.uint8)


def _with_files(content: bytes, texts: Mapping[str, str]) -> bytes:
    archive = io.BytesIO()
    archive.write(content)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_STORED) as files:
        for name, text in texts.items():
            files.writestr(zipfile.ZipInfo(name, _DATE), text.encode("utf-8"))
    return archive.getvalue()
