"""From raw values to the arrays of a training batch, with the culprit named where that fails."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from multimodal_keras.base import Head, Modality, presence_name
from multimodal_keras.data.raw import ErrorLog, RawBatch, missing_message
from multimodal_keras.errors import DataError
from multimodal_keras.runtime.raw import pick
from multimodal_keras.runtime.reasons import first_line

# A batch is a flat dict: ("inputs" | "targets" | "weights", name) to an array whose first axis counts the records.
Key = tuple[str, str]
Arrays = dict[Key, np.ndarray]

# A modality to what it was adapted to and its graph, which must not keep it alive.
_GRAPHS: weakref.WeakKeyDictionary[Modality, tuple[str, Callable[[Any], Any]]] = weakref.WeakKeyDictionary()


class Decoder:
    """Decodes raw batches and encodes their labels. Several threads may call it at once.

    Args:
        modalities: field to modality.
        heads: task to head; empty for inputs alone.
        log: what to do with records that fail.
    """

    def __init__(self, modalities: Mapping[str, Modality], heads: Mapping[str, Head], log: ErrorLog) -> None:
        self.modalities, self.heads, self.log = modalities, heads, log
        self._functions = {field: _compiled(modality) for field, modality in modalities.items()}

    def specs(self) -> dict[Key, tf.TensorSpec]:
        """Shape (without the batch) and dtype of each array."""
        specs: dict[Key, tf.TensorSpec] = {}
        for field, modality in self.modalities.items():
            specs["inputs", field] = modality.tensor_spec()
            if modality.optional:
                specs["inputs", presence_name(field)] = tf.TensorSpec((), tf.bool)
        for task, head in self.heads.items():
            specs["targets", task] = tf.TensorSpec(head.target_shape, tf.as_dtype(head.target_dtype))
            specs["weights", task] = tf.TensorSpec((), tf.float32)
        return specs

    def __call__(self, batch: RawBatch) -> Arrays | None:
        """The arrays of a batch, without the records that failed; None if none is left.

        Raises:
            DataError: for the first record that fails, unless the log skips.
        """
        while len(batch):
            arrays, failures = self._attempt(batch)
            if not failures:
                return arrays
            for row in sorted(failures):
                self.log.report(failures[row])
            batch = batch.without(failures)
        return None

    def _attempt(self, batch: RawBatch) -> tuple[Arrays, dict[int, DataError]]:
        arrays: Arrays = {}
        failures: dict[int, DataError] = {}
        for field, modality in self.modalities.items():
            try:
                tensor, present = (part.numpy() for part in self._functions[field](batch.raw[field]))
            except (tf.errors.OpError, ValueError) as error:
                failures = self._culprits(field, batch, error) | failures
                continue
            arrays["inputs", field] = tensor
            if modality.optional:
                arrays["inputs", presence_name(field)] = present
                continue
            for row in np.flatnonzero(~present).tolist():
                failures.setdefault(row, DataError(missing_message(), batch.origins[row], field))
        for task, head in self.heads.items():
            failures = self._encode(task, head, batch, arrays) | failures
        return arrays, failures

    def _culprits(self, field: str, batch: RawBatch, failure: Exception) -> dict[int, DataError]:
        """One bad record fails its whole batch, so try each alone."""
        found = {}
        for row, origin in enumerate(batch.origins):
            try:
                self._functions[field](batch.raw[field][row : row + 1])
            except (tf.errors.OpError, ValueError) as error:
                shown = _shown(pick(batch.records[row], field, self.modalities[field].columns))
                problem = f"A value can be decoded. Received {shown}: {first_line(error)} Replace it or leave it out."
                found[row] = DataError(problem, origin, field)
        if not found:
            raise failure
        return found

    def _encode(self, task: str, head: Head, batch: RawBatch, arrays: Arrays) -> dict[int, DataError]:
        values = [_label(record.get(task)) for record in batch.records]
        try:
            arrays["targets", task], arrays["weights", task] = head.targets(values)
            return {}
        except (ValueError, TypeError) as failure:
            found = {}
            for row, value in enumerate(values):
                try:
                    head.targets([value])
                except (ValueError, TypeError) as error:
                    found[row] = DataError(str(error), batch.origins[row], task)
            if not found:
                raise failure
            return found


def _compiled(modality: Modality) -> Callable[[Any], Any]:
    """`decode` as a graph, traced once for each state of a modality, as every data set that it reads needs one."""
    state = json.dumps(modality.get_config(), sort_keys=True, default=str)
    known = _GRAPHS.get(modality)
    if known is None or known[0] != state:
        spec, weak = modality.raw_spec(), weakref.proxy(modality)
        # One signature for every batch size, so that the last batch of an epoch costs nothing extra.
        signature = [tf.TensorSpec((None, *spec.shape), spec.dtype)]
        graph = tf.function(lambda raw: weak.decode(raw), input_signature=signature)
        known = _GRAPHS[modality] = state, graph.get_concrete_function()
    return known[1]


def _label(value: Any) -> Any:
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {value.shape}"
    return repr(value) if len(repr(value)) <= 100 else f"{type(value).__name__} of length {len(value)}"
