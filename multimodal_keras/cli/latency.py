"""How long one record takes, through each way of answering."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from multimodal_keras.base import parts
from multimodal_keras.base.graph import graph_of
from multimodal_keras.data import Records
from multimodal_keras.data.raw import raw_batches
from multimodal_keras.exporting.savedmodel import decode, raw_signature
from multimodal_keras.runtime.artefacts import TFLITE, SavedModelArtefact, TFLiteArtefact


def latencies(model: keras.Model, folder: Path, records: Records, repeats: int = 30) -> dict[str, float]:
    """Median seconds from one raw record to its answer.

    Args:
        model: made by `build_model`.
        folder: with its artefacts.
        records: where the record is taken from.
        repeats: how often each is timed, in turn, after two calls to warm up.

    Returns:
        Way to seconds: `Keras predict`, `SavedModel signature`, and `TFLite`, decoding included in all three.
    """
    found = parts(model)
    batch = next(raw_batches(records.take(1), found.modalities, batch_size=1))
    saved, lite = SavedModelArtefact(folder), TFLiteArtefact(folder / TFLITE)
    as_tensors = graph_of(lambda raw: decode(found, raw), raw_signature(found))

    def with_keras() -> Any:
        tensors = as_tensors({field: tf.constant(value) for field, value in batch.raw.items()})
        return model.predict(tensors, verbose=0)

    ways: dict[str, Callable[[], Any]] = {
        "Keras predict": with_keras,
        "SavedModel signature": lambda: saved.outputs(batch.raw),
        "TFLite": lambda: lite.outputs(batch.raw),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 2):
        for name, call in ways.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken[2:]) for name, taken in times.items()}
