"""Symbol sequences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from multimodal_keras.base import FeatureSpec, Modality
from multimodal_keras.modalities import sequence_graph
from multimodal_keras.registry import register
from multimodal_keras.runtime.sequence import KEEPS, UNITS, id_count, read_sequence, symbol_index

_ADAPT_BATCH = 256


@register
class SequenceModality(Modality):
    """Sequences of symbols: genes and proteins as k-mers, molecules as characters, logs as events.

    Unlike text, nothing is lower-cased and no punctuation taken out: each symbol counts.

    Args:
        sequence_length: how many ids are kept; shorter sequences are padded on the right.
        unit: `"character"`, each a symbol, white space left out; or `"token"`, symbols separated by white space.
        k: how many symbols make an id: 1 for each on its own, 3 for codons and trigrams.
        stride: how many symbols further the next id starts; `k` for such that do not overlap.
        keep: of a longer sequence, its `"start"` or its `"end"`.
        symbols: what sequences are made of, such as `"ACGT"`. Characters that count as the same share an entry:
            `["Aa", "Cc", "Gg", "TtUu"]`. None to take it from the records, most frequent first.
        most_symbols: how many are taken from the records at most.
        **kwargs: `optional`, and Keras's own (`name`).

    Call arguments:
        tensor: `int32 (batch, sequence_length)`.

    Returns:
        `(ids, step_mask)`: `int32` and `bool`, both `(batch, sequence_length)`.

    Raises:
        ValueError: for an argument out of its range, more than a million k-mers, or if it decodes before it has symbols.

    Example:

    >>> import tensorflow as tf
    >>> import multimodal_keras as mk
    >>> gene = mk.SequenceModality(sequence_length=4, k=2, symbols="ACGT")
    >>> gene.decode(tf.constant(["ACGT", "AAN"]))[0].numpy().tolist()
    [[3, 8, 13, 0], [2, 1, 0, 0]]

    Reference:
        Ji et al., DNABERT (Bioinformatics 37(15), 2021), for k-mers as tokens of genes.
    """

    kind = "sequence"
    default_encoder = "Conv1DEncoder"

    def __init__(
        self,
        sequence_length: int = 256,
        *,
        unit: str = "character",
        k: int = 1,
        stride: int = 1,
        keep: str = "start",
        symbols: Sequence[str] | None = None,
        most_symbols: int = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(sequence_length, k, stride, most_symbols) < 1:
            raise ValueError(
                "sequence_length, k, stride and most_symbols are at least 1. "
                f"Received {sequence_length}, {k}, {stride}, {most_symbols}. Raise them."
            )
        for name, value, known in (("unit", unit, UNITS), ("keep", keep, KEEPS)):
            if value not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}. Received {value!r}. Choose one of these.")
        self.sequence_length = int(sequence_length)
        self.unit = unit
        self.k = int(k)
        self.stride = int(stride)
        self.keep = keep
        self.most_symbols = int(most_symbols)
        self.symbols: tuple[str, ...] | None = None
        # Behind a function, where nothing tracks it: a phone's file must not hold it.
        self._table: Callable[[], tf.lookup.StaticHashTable] | None = None
        if symbols is not None:
            self._set_symbols(symbols)

    def _set_symbols(self, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        if not self.symbols:
            raise ValueError("A sequence is made of at least one symbol. Received none. Name them, or leave them out.")
        id_count(len(self.symbols), self.k)
        with tf.init_scope():
            table = sequence_graph.symbol_table(symbol_index(self.symbols, self.unit))
        self._table = lambda: table

    @property
    def is_adapted(self) -> bool:
        return self.symbols is not None

    def _known(self) -> tuple[str, ...]:
        if self.symbols is None:
            raise ValueError(
                f"{self.name} has no symbols yet. Pass symbols=..., call adapt, or build with adapt_to=records."
            )
        return self.symbols

    def tensor_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((self.sequence_length,), tf.int32)

    def feature_spec(self) -> FeatureSpec:
        return FeatureSpec((self.sequence_length,), "int32", id_count(len(self._known()), self.k))

    def read(self, value: Any, folder: Path | None = None) -> bytes:
        return read_sequence(value, self.unit)

    @tf.autograph.experimental.do_not_convert
    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        base, table = len(self._known()), self._table() if self._table else None
        raw = tf.convert_to_tensor(raw, tf.string)
        ids = sequence_graph.sequence_ids(
            raw, table, base, self.unit, self.k, self.stride, self.keep, self.sequence_length
        )
        return ids, tf.strings.length(raw) > 0

    def host_resources(self) -> list[Any]:
        return [self._table()] if self._table else []

    def adapt(self, values: Iterable[Any]) -> None:
        """Take the symbols from sequences: the most frequent first, equal ones in code-point order.

        Args:
            values: as `read` takes them; one pass, in batches.

        Raises:
            ValueError: if no sequence has a symbol, or there are too many for `k`.
        """
        counts: Counter[bytes] = Counter()
        rest = iter(values)
        while batch := [self.read(value) for value in islice(rest, _ADAPT_BATCH)]:
            found = sequence_graph.symbols(tf.constant(batch, tf.string), self.unit)
            counts.update(found.flat_values.numpy().tolist())
        if not counts:
            raise ValueError(
                "Symbols are learned from at least one sequence. Received none that has one. Check the field."
            )
        frequent = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[: self.most_symbols]
        self._set_symbols([symbol.decode("utf-8", "replace") for symbol, _ in frequent])

    def call(self, tensor: Any, training: bool | None = None) -> tuple[Any, Any]:
        return tensor, ops.not_equal(tensor, 0)

    def compute_output_spec(self, tensor: Any, training: bool | None = None) -> Any:
        return keras.KerasTensor(tensor.shape, dtype="int32"), keras.KerasTensor(tensor.shape, dtype="bool")

    def contract(self) -> dict[str, Any]:
        return {
            **super().contract(),
            "unit": self.unit,
            "k": self.k,
            "stride": self.stride,
            "keep": self.keep,
            "sequence_length": self.sequence_length,
            "symbols": list(self.symbols or ()),
            "range": [0, (self.feature_spec().vocabulary_size or 1) - 1],
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "unit": self.unit,
            "k": self.k,
            "stride": self.stride,
            "keep": self.keep,
            "symbols": None if self.symbols is None else list(self.symbols),
            "most_symbols": self.most_symbols,
        }
