"""A model whose inputs can be faded out: every number that its encoders begin with, between zero and what it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from multimodal_keras.base import Encoder, parts, presence_name, split_steps

# Where a gate stands: behind the modality, behind the embedding of ids, or behind the encoder.
FEATURES, EMBEDDING, TOKENS = "features", "embedding", "tokens"

_lock = threading.Lock()


@dataclass(frozen=True)
class Gate:
    """A factor for each number, or for each embedded id, of one field: 1 as it is, 0 for the baseline.

    Attributes:
        field: the record field.
        where: `"features"`, `"embedding"` or `"tokens"`.
        shape: of the factors, without the batch.
    """

    field: str
    where: str
    shape: tuple[int, ...]


class FadingModel:
    """A model over the same layers, with gates.

    Args:
        model: made by `build_model`.

    Attributes:
        found: its parts.
        inputs: name to the spec of each of its inputs, with a dynamic batch; graphs are traced with these.
        gates: of each field one; two for a table of numbers and categories; none where ids are embedded in a way that
            cannot be reached.
        outputs: `(inputs, share)` to predictions with all gates of a record at its share, `float32 (batch,)`; traced once.
        grids: field to rows and columns of the cells that its encoder's last tokens are, where they are some.
    """

    def __init__(self, model: keras.Model) -> None:
        self.found = parts(model)
        self._layers = {layer.name: layer for layer in model.layers}
        wanted = [gate for field in self.found.modalities for gate in self._wanted(field)]
        self._reached: set[Gate] = set()
        self.gates = wanted
        self.inputs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in model.input.items()}
        path = [self.inputs, tf.TensorSpec((None,), tf.float32)]
        self.outputs = tf.function(self._all_faded, autograph=False, input_signature=path)
        # Whether an encoder has an embedding that can be reached shows when it is called.
        self.outputs.get_concrete_function()
        self.gates = [gate for gate in wanted if gate in self._reached]
        self.grids = {field: grid for field in self.found.modalities if (grid := self._grid(field)) is not None}

    def _wanted(self, field: str) -> Iterator[Gate]:
        spec, encoder = self.found.modalities[field].feature_spec(), self.found.encoders[field]
        shape = tuple(int(size or 0) for size in spec.shape)
        ids = sum(column.cardinality is not None for column in spec.columns)
        if encoder.first_counted_id is not None:
            yield Gate(field, TOKENS, (1, int(encoder.compute_output_shape((None, *shape))[-1])))
        elif spec.vocabulary_size is not None:
            yield Gate(field, EMBEDDING, shape)
        else:
            if not ids or shape[0] > ids:
                # The colours of a pixel go together.
                colours = (1,) if len(shape) > 2 else shape[1:]
                yield Gate(field, FEATURES, (shape[0] - ids, *shape[1:-1], *colours))
            if ids:
                yield Gate(field, EMBEDDING, (ids,))

    def _grid(self, field: str) -> tuple[int, int] | None:
        return self.found.encoders[field].grid((None, *self.found.modalities[field].feature_spec().shape))

    def opened(self, share: Any) -> dict[Gate, Any]:
        """All gates, alike for each record: gate to `(batch, *shape)`, from `float32 (batch,)`."""
        return {
            gate: tf.ones((tf.shape(share)[0], *gate.shape)) * tf.reshape(share, (-1, *[1] * len(gate.shape)))
            for gate in self.gates
        }

    def _all_faded(self, inputs: Mapping[str, Any], share: Any) -> dict[str, Any]:
        return self(inputs, self.opened(share))

    def __call__(
        self, inputs: Mapping[str, Any], gates: Mapping[Gate, Any], kept: dict[str, Any] | None = None, tape: Any = None
    ) -> dict[str, Any]:
        """Predictions, `float32 (batch, outputs)` by task; in a graph, because layers are changed while it is traced.

        Args:
            inputs: of the model.
            gates: gate to its factors, `float32 (batch, *shape)`; those that are left out are 1.
            kept: a dict that gets the tokens of fields with a grid.
            tape: a tape that is to watch these.
        """
        tokens, masks, seen = {}, {}, {}
        for field in self.found.modalities:
            seen[field] = inputs.get(presence_name(field))
            mine = {gate.where: (gate, factors) for gate, factors in gates.items() if gate.field == field}
            tokens[field], masks[field] = self._encoded(field, inputs[field], seen[field], mine)
            if kept is not None and field in self.grids:
                tape.watch(tokens[field])
                kept[field] = tokens[field]
            missing = self._layers.get(f"{field}_missing")
            if missing is not None:
                tokens[field], masks[field] = missing(tokens[field], seen[field], masks[field])
        fused = self.found.fusion(tokens, masks, seen)
        return {task: tf.cast(answer, tf.float32) for task, answer in self.found.answered(fused, seen).items()}

    def _encoded(self, field: str, tensor: Any, present: Any, gates: Mapping[str, Any]) -> tuple[Any, Any]:
        modality, encoder = self.found.modalities[field], self.found.encoders[field]
        if present is not None:
            tensor = self._layers[f"{field}_absent_zeros"](tensor, present)
        features, mask = split_steps(modality(tensor))
        if FEATURES in gates:
            features = self._faded(features, *gates[FEATURES])
        if EMBEDDING in gates:
            gate, factors = gates[EMBEDDING]
            with _embeddings_faded(encoder, factors) as reached:
                tokens, mask = split_steps(encoder(features, mask))
            self._reached |= {gate} if reached else set()
            return tokens, mask
        tokens, mask = split_steps(encoder(features, mask))
        return (self._faded(tokens, *gates[TOKENS]) if TOKENS in gates else tokens), mask

    def _faded(self, numbers: Any, gate: Gate, factors: Any) -> Any:
        self._reached.add(gate)
        factors = tf.cast(factors, numbers.dtype)
        if len(gate.shape) == 1 and numbers.shape[1] > gate.shape[0]:
            # What stands behind the numbers of a table are ids.
            return tf.concat([numbers[:, : gate.shape[0]] * factors, numbers[:, gate.shape[0] :]], axis=1)
        return numbers * factors


@contextmanager
def _embeddings_faded(encoder: Encoder, factors: Any) -> Iterator[list[Any]]:
    """Multiply what each embedding inside of an encoder answers for the ids of a field, while a graph is traced.

    Ids have no gradient, and no two encoders embed them alike; but all of them, also those of other packages, do it by a
    layer `Embedding`. The layers themselves are as before afterwards.

    Args:
        encoder: the encoder.
        factors: `(batch, ids)`.

    Yields:
        A list that gets the layers that were reached.
    """
    reached: list[Any] = []
    layers = [layer for layer in encoder._flatten_layers() if isinstance(layer, keras.layers.Embedding)]

    def faded(layer: Any, call: Any) -> Any:
        def answer(ids: Any, *rest: Any, **options: Any) -> Any:
            embedded = call(ids, *rest, **options)
            # Others embed places, which are no content.
            if len(ids.shape) != 2 or ids.shape[0] is not None or ids.shape[1] != factors.shape[1]:
                return embedded
            reached.append(layer)
            return embedded * tf.cast(factors, embedded.dtype)[:, :, None]

        return answer

    with _lock:
        for layer in layers:
            vars(layer)["call"] = faded(layer, layer.call)
        try:
            yield reached
        finally:
            for layer in layers:
                del vars(layer)["call"]
