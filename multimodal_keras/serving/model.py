"""An exported model in memory: its name, its version, its signatures, and a call that never shows a stack."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.artefacts import SavedModelArtefact, load
from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.runtime.raw import raw_spec, stacked
from multimodal_keras.runtime.signatures import EXPLAIN
from multimodal_keras.serving.batcher import MicroBatcher
from multimodal_keras.serving.costs import MAX_REQUEST_PIXELS, MAX_REQUEST_SECONDS, RequestCosts
from multimodal_keras.serving.naming import model_name, version_number
from multimodal_keras.serving.parsing import Array
from multimodal_keras.serving.refusal import Refusal, explain
from multimodal_keras.serving.rest import DEFAULT_SIGNATURE

_LOG = logging.getLogger(__name__)
_TENSORS = "tensors"
_MOST_RETRIES = 64


class ServedModel:
    """One version of a model, ready to answer from any thread.

    Args:
        path: a folder with a SavedModel, or a `.tflite` file.
        name: under which it is served; by default its own, see `model_name`.
        max_request_pixels: of all pictures of a call together, by their headers.
        max_request_seconds: of all its sounds together, likewise.
        **batching: `max_batch`, `max_waiting` and `timeout_seconds` of `MicroBatcher`.

    Attributes:
        name: of the model.
        version: the folder's number, else 1.
        contract: what every input and output is.
        batcher: through which it is called.
        signatures: name to `inputs` and `outputs`; a TFLite file has `serving_default`, `tensors` and perhaps `explain`.

    Raises:
        ValueError: if there is no such model, or it is only a part of one.
    """

    def __init__(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        max_request_pixels: int = MAX_REQUEST_PIXELS,
        max_request_seconds: int = MAX_REQUEST_SECONDS,
        **batching: Any,
    ) -> None:
        path = Path(path).resolve()
        self.folder = path.parent if path.suffix == ".tflite" else path
        self.name = name or model_name(path)
        number = version_number(self.folder)
        self.version = 1 if number is None else number
        self._artefact = load(path)
        self.contract = self._artefact.contract
        self.signatures: dict[str, Any] = self.contract["signatures"]
        if DEFAULT_SIGNATURE not in self.signatures:
            raise ValueError(
                f"Records are answered by a whole model. Received {str(path)!r}, which is the part "
                f"{self.contract['part']!r}. Serve the file of the whole model."
            )
        limits = {"audio": max_request_seconds, "image": max_request_pixels, "video": max_request_pixels}
        self._costs = RequestCosts(self.contract, limits)
        # A TFLite file answers record by record: together they gain nothing, but can decode side by side.
        together = {} if self.has_graph else {"max_batch": 1, "workers": os.cpu_count() or 1}
        self.batcher = MicroBatcher(self._call, **{**batching, **together})
        self._warm_up()

    @property
    def has_graph(self) -> bool:
        """Whether it is a SavedModel."""
        return isinstance(self._artefact, SavedModelArtefact)

    def call(self, signature: str, inputs: Mapping[str, Array], count: int, place: str) -> dict[str, np.ndarray]:
        """Call a signature.

        Args:
            signature: its name.
            inputs: input to `(batch, ...)`, of its dtype.
            count: the batch's size.
            place: what the client calls the batch, for instance `"instances"`.

        Returns:
            Output to `(batch, ...)`.

        Raises:
            Refusal: if a value cannot be decoded (naming its record), all of them would decode to too much, the model
                fails, or too many requests wait.
        """
        self._costs.check(inputs, self.signatures[signature]["inputs"])
        try:
            return self.batcher(signature, inputs, count)
        except Refusal as refusal:
            if refusal.status != 400 or not 1 < count <= _MOST_RETRIES:
                raise
            raise self._culprit(signature, inputs, count, place) or refusal from None

    def _call(self, signature: str, inputs: Mapping[str, Array]) -> dict[str, np.ndarray]:
        if isinstance(self._artefact, SavedModelArtefact):
            return self._guarded(lambda artefact: artefact.call(signature, inputs))
        if signature in (DEFAULT_SIGNATURE, EXPLAIN):
            try:
                inputs = self._artefact.decode(inputs)
            except ValueError as error:  # The decoding's own sentences: nothing but numpy and Pillow is below it.
                raise Refusal(str(error)) from error
        return self._guarded(lambda artefact: artefact.call(inputs, explain=signature == EXPLAIN))

    def _guarded(self, call: Any) -> dict[str, np.ndarray]:
        try:
            return call(self._artefact)
        except Exception as error:
            # Not by a name of its own, whose frame the refusal would hold, and that the refusal.
            raise self._told(error) from error

    def _told(self, error: Exception) -> Refusal:
        refusal = explain(error)
        if refusal.status >= 500:
            _LOG.error("The model %s failed", self.name, exc_info=error)
        return refusal

    def _culprit(self, signature: str, inputs: Mapping[str, Array], count: int, place: str) -> Refusal | None:
        for row in range(count):
            try:
                self._call(signature, {name: values[row : row + 1] for name, values in inputs.items()})
            except Refusal as refusal:
                return refusal.at(f"{place}[{row}]")
        return None

    def _warm_up(self) -> None:
        """The first call plans the graph: let no client wait for it. What is made up may be refused."""
        specs = self.signatures.get(_TENSORS, {"inputs": {}})["inputs"]
        raw = self.signatures[DEFAULT_SIGNATURE]["inputs"]
        fields = self.contract["modalities"]
        record = {field: _made_up(fields[field], spec) for field, spec in raw.items()}
        calls = {
            _TENSORS: {name: _zeros(spec) for name, spec in specs.items()},
            DEFAULT_SIGNATURE: record,
            EXPLAIN: record,
        }
        for signature, inputs in calls.items():
            try:
                if signature in self.signatures:
                    self._call(signature, inputs)
            except Refusal as refusal:
                _LOG.debug("No warm-up of %s by %s: %s", self.name, signature, refusal.message)


def _made_up(facts: Mapping[str, Any], spec: Mapping[str, Any]) -> Array:
    """One record's value, which goes all the way through the decoding where its kind is known."""
    kind = KINDS.get(facts["kind"])
    return _zeros(spec) if kind is None else stacked([kind.sample(facts, 0)], raw_spec(facts))


def _zeros(spec: Mapping[str, Any]) -> Array:
    shape = [size or 1 for size in spec["shape"]]
    if spec["dtype"] == "string":
        return [b""] if len(shape) == 1 else np.full(shape, b"", object)
    return np.zeros(shape, spec["dtype"])
