"""Write a TFLite file: numeric tensors in, built-in ops only, one record at a time."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import tensorflow as tf

from multimodal_keras.base import parts
from multimodal_keras.exporting.savedmodel import RAW, tensor_signature, write_endpoints


def write_tflite(model: keras.Model, path: Path) -> None:
    """Convert the device half of a model at float32.

    The signature is `serving_default`; its inputs and outputs have the model's own names. The batch is 1: a dynamic one
    makes loops need ops that no stock interpreter has.

    Args:
        model: made by `build_model`.
        path: of the file.

    Raises:
        ValueError: if an op has no built-in counterpart; the message carries the converter's list.
    """
    with tempfile.TemporaryDirectory() as folder:
        endpoint = (lambda inputs: model(inputs, training=False), tensor_signature(parts(model), batch=1))
        write_endpoints(model, Path(folder), {RAW: endpoint})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[RAW])
        # Built-ins only, so that an op which a phone lacks is an error here and never a surprise there.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.experimental_enable_resource_variables = True
        try:
            content = converter.convert()
        except Exception as error:
            raise ValueError(
                "A TFLite file holds built-in ops only. The converter refused this model:\n"
                f"{str(error)[:2000]}\nReplace the encoder or fusion that needs the op, or export with tflite=False."
            ) from error
    path.write_bytes(content)
