"""Write TFLite files: numeric tensors in, built-in ops only, one record at a time."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from multimodal_keras.base import parts
from multimodal_keras.encoders.lowering import LOOP, lstm_lowering
from multimodal_keras.exporting.alone import CrashError, run_alone, save_examples
from multimodal_keras.exporting.metadata import opened, written
from multimodal_keras.exporting.savedmodel import Endpoint, tensor_signature, write_endpoints
from multimodal_keras.runtime.signatures import EXPLAIN, RAW

Examples = Mapping[str, np.ndarray]

# The converter names an op and where it stands: "Betainc:", "multimodal_1/image_encoder_1/Betainc@...".
_PLACE = re.compile(r'fused\["(\w+):", "([^"@]+)@')
_REFUSED = re.compile(r"'tf\.(\w+)' op is neither")
_COUNTER = re.compile(r"_\d+$")

# The converter sorts signatures by name, and the first one is what interpreters run that are not told which.
_SECOND = f"{RAW}_{EXPLAIN}"


def device_half(model: keras.Model) -> Endpoint:
    """The whole model from tensors to answers, one record at a time."""
    return (lambda inputs: model(inputs, training=False), tensor_signature(parts(model), batch=1))


def write_tflite(
    model: keras.Model,
    path: Path,
    *,
    endpoint: Endpoint | None = None,
    explain: Endpoint | None = None,
    quantize: str = "float32",
    lstm: str = LOOP,
    examples: Examples | None = None,
    integer_outputs: bool = False,
) -> None:
    """Convert the device half of a model.

    The signature is `serving_default`, and it comes first; its inputs and outputs have the model's own names. The batch is
    1: a dynamic one makes loops need ops that no stock interpreter has.

    Args:
        model: made by `build_model`.
        path: of the file.
        endpoint: a function over the model's weights with its signature; `device_half(model)` by default.
        explain: what becomes the signature `explain`, over the same weights; None for no such signature.
        quantize: see `TFLiteOptions`.
        lstm: `"loop"` or `"fused"`.
        examples: for `"int8"`: input name to `(records, ...)`.
        integer_outputs: see `TFLiteOptions`.

    Raises:
        ValueError: if an op has no built-in counterpart, or cannot be quantized; the message names the layer.
    """
    endpoints = {RAW: endpoint or device_half(model)} | ({_SECOND: explain} if explain else {})
    content = _convert(model, endpoints, "float32" if quantize == "int8" else quantize, lstm)
    if quantize == "int8":
        content = to_int8(content, examples or {}, integer_outputs=integer_outputs)
    path.write_bytes(_renamed(content) if explain else content)


def _renamed(content: bytes) -> bytes:
    model = opened(content)
    for signature in model.signatureDefs:
        if signature.signatureKey == _SECOND.encode():
            signature.signatureKey = EXPLAIN.encode()
    return written(model)


def _convert(model: keras.Model, endpoints: dict[str, Endpoint], quantize: str, lstm: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder, lstm_lowering(lstm):
        write_endpoints(model, Path(folder), endpoints)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(endpoints))
        # Built-ins only, so that an op which a phone lacks is an error here and never a surprise there.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.experimental_enable_resource_variables = True
        if quantize != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        try:
            return converter.convert()
        except Exception as error:
            raise ValueError(_refusal(str(error))) from error


def _refusal(said: str) -> str:
    refused = set(_REFUSED.findall(said))
    culprits = sorted({f"{op} in the layer {_layer(place)!r}" for op, place in _PLACE.findall(said) if op in refused})
    return (
        "A TFLite file holds built-in ops only. Received a model that needs "
        f"{', '.join(culprits) or 'others; the converter said: ' + said[:1000]}. Replace that encoder, fusion or head, or "
        "export with tflite=False."
    )


def _layer(place: str) -> str:
    """The layer of an op such as `multimodal_1/image_encoder_1/conv2d_4/Conv2D`: `image_encoder`."""
    path = [_COUNTER.sub("", step) for step in place.split("/")]
    return path[1] if len(path) > 2 else path[0]


def to_int8(content: bytes, examples: Examples, *, integer_outputs: bool = False) -> bytes:
    """Quantize a float32 file, with the ranges that are measured on examples.

    Args:
        content: of a file with one signature.
        examples: input name to `(records, ...)`.
        integer_outputs: see `TFLiteOptions`.

    Raises:
        ValueError: without the extra `[quantize]`, or if the ranges cannot be measured; the message names the layers.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, kept, target = (Path(folder, name) for name in ("float32.tflite", "examples.npz", "int8.tflite"))
        source.write_bytes(content)
        save_examples(kept, examples)
        flags = ["--integer-outputs"] if integer_outputs else []
        try:
            run_alone("static_quantizer.py", source, kept, target, *flags)
        except CrashError as crash:
            raise ValueError(_why_not_int8(source, crash)) from crash
        return target.read_bytes()


def _why_not_int8(source: Path, crash: CrashError) -> str:
    if "No module named" in str(crash):
        return (
            f"int8 needs the quantizer of LiteRT. Received an installation without it ({crash}). "
            "Run: pip install 'multimodal-keras[quantize]'"
        )
    loops = ", ".join(map(repr, looping_layers(source))) or "none"
    return (
        f"int8 needs ranges that are measured on examples. Received a model on which that failed: {crash}; layers with a "
        f"loop or a branch, which are the likely cause: {loops}. Replace that layer, or choose quantize='dynamic'."
    )


def looping_layers(path: Path) -> list[str]:
    """The layers whose ops run in a subgraph of their own: loops and branches."""
    names = [tensor["name"] for tensor in Interpreter(str(path)).get_tensor_details()]
    return sorted({_layer(name) for name in names if "/while" in name or "/cond" in name})
