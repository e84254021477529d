"""How long one record takes in each exported model: in one process, in turn, so that a busy moment is everyone's."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from multimodal_keras.base import Modality
from multimodal_keras.data import Records
from multimodal_keras.data.raw import raw_batches
from multimodal_keras.runtime.artefacts import TFLITE, SavedModelArtefact, TFLiteArtefact
from multimodal_keras.runtime.signatures import RAW

ROUNDS, WARM_UP = 50, 3
AT_ONCE = 8  # models in memory


def latencies(
    folders: Mapping[str, Path], modalities: Mapping[str, Modality], records: Records, rounds: int = ROUNDS
) -> dict[str, dict[str, float]]:
    """Median seconds for the first record, alone in its batch.

    Args:
        folders: name to what `export` wrote.
        modalities: field to adapted modality.
        records: where the record is taken from.
        rounds: how often each is timed. Some models at a time are in memory and take turns, in another order in each round.

    Returns:
        Name to `savedmodel` (from a raw record, as a server is asked: decoding is in it) and `tflite` (from tensors, with
        one thread, as an app asks).
    """
    raw = next(raw_batches(records.take(1), dict(modalities), batch_size=1)).raw
    names, found = list(folders), dict[str, dict[str, float]]()
    for start in range(0, len(names), AT_ONCE):
        found |= _in_turn({name: folders[name] for name in names[start : start + AT_ONCE]}, raw, rounds)
        gc.collect()  # a loaded SavedModel refers to itself
    return found


def _in_turn(folders: Mapping[str, Path], raw: Mapping[str, Any], rounds: int) -> dict[str, dict[str, float]]:
    calls: dict[tuple[str, str], Callable[[], Any]] = {}
    for name, folder in folders.items():
        calls[name, "savedmodel"] = _asked(SavedModelArtefact(folder), raw)
        lite = TFLiteArtefact(folder / TFLITE)
        calls[name, "tflite"] = _answered(lite, lite.decode(raw))
    taken: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
    order, shuffled = list(calls), random.Random(0)
    for _ in range(WARM_UP + rounds):
        shuffled.shuffle(order)
        for key in order:
            start = time.perf_counter()
            calls[key]()
            taken[key].append(time.perf_counter() - start)
    return {
        name: {way: statistics.median(taken[name, way][WARM_UP:]) for way in ("savedmodel", "tflite")}
        for name in folders
    }


def _asked(saved: SavedModelArtefact, raw: Mapping[str, Any]) -> Callable[[], Any]:
    return lambda: saved.call(RAW, raw)


def _answered(lite: TFLiteArtefact, tensors: Mapping[str, Any]) -> Callable[[], Any]:
    return lambda: lite.call(tensors)
