"""What TensorFlow Serving says about a model: that it is there, and what its signatures take."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from multimodal_keras.serving.model import ServedModel

_METHOD = "tensorflow/serving/predict"
_DTYPES = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}


def version_status(model: ServedModel) -> dict[str, Any]:
    """The answer to `GET /v1/models/<name>`."""
    status = {"error_code": "OK", "error_message": ""}
    return {"model_version_status": [{"version": str(model.version), "state": "AVAILABLE", "status": status}]}


def metadata(model: ServedModel) -> dict[str, Any]:
    """The answer to `GET /v1/models/<name>/metadata`.

    Args:
        model: a SavedModel's signatures are read from its file, with the names of its tensors; a TFLite file's from its
            contract.

    Returns:
        `model_spec`, and `metadata` with each signature's `inputs`, `outputs` and `method_name`.
    """
    signatures = _from_file(model) if model.has_graph else _from_contract(model.signatures)
    return {
        "model_spec": {"name": model.name, "signature_name": "", "version": str(model.version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _from_contract(signatures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {
            side: {key: _info(spec["dtype"], spec["shape"], key) for key, spec in sorted(signature[side].items())}
            for side in ("inputs", "outputs")
        }
        | {"method_name": _METHOD}
        for name, signature in sorted(signatures.items())
    }


def _info(dtype: str, shape: Any, name: str) -> dict[str, Any]:
    sizes = [-1 if size is None else size for size in shape]
    return _tensor_info(f"DT_{_DTYPES.get(dtype, dtype.upper())}", sizes, name)


def _tensor_info(dtype: str, sizes: list[int], name: str, unknown_rank: bool = False) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in sizes]
    return {"dtype": dtype, "tensor_shape": {"dim": dimensions, "unknown_rank": unknown_rank}, "name": name}


def _from_file(model: ServedModel) -> dict[str, Any]:
    saved = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2").SavedModel()
    types = importlib.import_module("tensorflow.core.framework.types_pb2").DataType
    saved.ParseFromString((model.folder / "saved_model.pb").read_bytes())

    def side(infos: Any) -> dict[str, Any]:
        return {key: _from_proto(infos[key], types) for key in sorted(infos)}

    signatures = saved.meta_graphs[0].signature_def
    return {
        name: {
            "inputs": side(signatures[name].inputs),
            "outputs": side(signatures[name].outputs),
            "method_name": signatures[name].method_name,
        }
        for name in sorted(signatures)
    }


def _from_proto(info: Any, types: Any) -> dict[str, Any]:
    shape = info.tensor_shape
    return _tensor_info(types.Name(info.dtype), [dim.size for dim in shape.dim], info.name, shape.unknown_rank)
