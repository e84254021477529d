"""Tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from multimodal_keras.base import FeatureColumn, FeatureSpec, Modality
from multimodal_keras.modalities import table_graph
from multimodal_keras.modalities.table_features import DATE_FEATURES, TableFeatures
from multimodal_keras.registry import register
from multimodal_keras.runtime.cells import read_cells
from multimodal_keras.runtime.columns import CATEGORY, DATE, FIRST_ID, columns_contract, in_tensor, make_columns
from multimodal_keras.runtime.statistics import ColumnStatistics

_ADAPT_BATCH = 1024


@register
class TabularModality(Modality):
    """Columns of a table: numbers, categories, booleans and dates, any of which may be missing. Cells in, numbers out.

    A record has the columns by their names, or the field holds a dict of them or a list in their order. The host half turns
    each cell into numbers (`docs/decoding.md`); the device half normalises these, marks what is missing, and makes cyclic
    features of dates.

    Args:
        columns: name to kind: `"number"`, `"category"`, `"boolean"` or `"date"`, or to a dict such as `{"kind": "category",
            "hash_buckets": 10_000}`. A list of names has the kinds found from records: a column whose cells are all `true`,
            `false`, `yes` or `no` is boolean, all numbers a number, all dates a date, any other a category, and one without
            cells a number.
        vocabulary_size: how many ids a category has at most, with those for missing (0) and unseen (1) texts.
        least_count: how often a text must occur in the records to get an id; rarer ones teach what "unseen" means.
        clip: normalised numbers are cut at so many deviations; None for never.
        cell_dropout: the rate at which cells are taken for missing while training, so that the model learns to do without.
        **kwargs: `optional` (a record may lack all columns), and Keras's own (`name`, `dtype`).

    Call arguments:
        tensor: `float32 (batch, numbers)`: numbers and booleans (1 or 0), then year, month, day, weekday and hour of each
            date, then ids of categories; NaN where a cell is missing, but id 0 of a category.
        training: whether to drop cells.

    Returns:
        `float32 (batch, features)`: for each number its normalised value and 1 if it is missing; for each date its
        normalised years, sine and cosine of month, day, weekday and hour, and 1 if it is missing; then ids.

    Raises:
        ValueError: for an unknown kind, a cell that its column does not hold, or if it decodes before it is adapted.

    Example:

    >>> import multimodal_keras as mk
    >>> table = mk.TabularModality({"age": "number", "city": "category"})
    >>> table.adapt([{"age": 20, "city": "Rome"}, {"age": "40.5", "city": "Rome"}, {"age": None, "city": "Oslo"}])
    >>> table.decode([[b"34", b"Rome"], [b"", b"Lima"]])[0].numpy().tolist()
    [[34.0, 2.0], [nan, 1.0]]

    Reference:
        ISO 8601 for dates; Fowler, Noll and Vo (32-bit FNV-1a, RFC 9923) for hashes.
    """

    kind = "tabular"
    default_encoder = "MLPEncoder"

    def __init__(
        self,
        columns: Mapping[str, Any] | Iterable[Any] = (),
        *,
        vocabulary_size: int = 1000,
        least_count: int = 2,
        clip: float | None = 10.0,
        cell_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        # Half precision holds neither ids nor large numbers.
        super().__init__(**{"autocast": False, **kwargs})
        if vocabulary_size <= FIRST_ID or least_count < 1:
            raise ValueError(
                f"vocabulary_size is at least {FIRST_ID + 1} and least_count at least 1. Received {vocabulary_size!r} and "
                f"{least_count!r}. Raise them."
            )
        if not 0 <= cell_dropout < 1 or (clip is not None and not 0 < clip < math.inf):
            raise ValueError(
                f"cell_dropout is in [0, 1) and clip above 0, or None. Received {cell_dropout!r} and {clip!r}. Change them."
            )
        self.vocabulary_size = int(vocabulary_size)
        self.least_count = int(least_count)
        self.clip = None if clip is None else float(clip)
        self.cell_dropout = float(cell_dropout)
        self._draws = keras.random.SeedGenerator() if cell_dropout else None
        self._set_columns(make_columns(columns))

    def _set_columns(self, described: tuple[Any, ...]) -> None:
        self.described = described
        self.columns = tuple(column.name for column in described)
        # Behind functions, where nothing tracks them: a phone's file must not hold the table.
        self._table: Callable[[], Any] = lambda: None
        self._features: Callable[[], Any] = lambda: None
        if not self.is_adapted:
            return
        features = TableFeatures(described, self.clip)
        self._features = lambda: features
        if any(column.vocabulary for column in described):
            with tf.init_scope():
                table = table_graph.category_table(described)
            self._table = lambda: table

    @property
    def is_adapted(self) -> bool:
        return bool(self.described) and all(column.is_adapted for column in self.described)

    def _known(self) -> tuple[Any, ...]:
        if not self.is_adapted:
            raise ValueError(
                f"{self.name} knows too little about its columns. Received {', '.join(self.columns) or 'no columns'}. Name "
                "them, and call adapt or build with adapt_to=records."
            )
        return self.described

    def raw_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((len(self.columns),), tf.string)

    def tensor_spec(self) -> tf.TensorSpec:
        return tf.TensorSpec((sum(column.size for column in self._known()),), tf.float32)

    def feature_spec(self) -> FeatureSpec:
        columns = [
            FeatureColumn(1, column.cardinality)
            if column.kind == CATEGORY
            else FeatureColumn(DATE_FEATURES if column.kind == DATE else 2)
            for column in in_tensor(self._known())
        ]
        return FeatureSpec((sum(column.size for column in columns),), "float32", columns=tuple(columns))

    def read(self, value: Any, folder: Path | None = None) -> np.ndarray | None:
        return read_cells(value, self.described)

    @tf.autograph.experimental.do_not_convert
    def decode(self, raw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raw = tf.convert_to_tensor(raw, tf.string)
        tensor = table_graph.decode_table(raw, self._known(), self._table())
        return tensor, tf.reduce_any(tf.strings.length(raw) > 0, axis=1)

    def host_resources(self) -> list[Any]:
        return [table] if (table := self._table()) is not None else []

    def adapt(self, values: Iterable[Any]) -> None:
        """Learn kinds, vocabularies, means and deviations of the columns for which they are not given.

        A column that is constant or has no cells has the deviation 1, and the mean 0 without cells; a category whose texts
        are all rare has an empty vocabulary. Equally frequent texts are in the order of their bytes.

        Args:
            values: what `read` takes or returns, for each record; one pass, in batches.

        Raises:
            ValueError: if there are no columns, or a cell is not what its column holds.
        """
        if not self.described:
            raise ValueError("A table has at least one column. Received none. Pass columns=[...].")
        learners = [ColumnStatistics(column) for column in self.described]
        rest = iter(values)
        while batch := list(islice(rest, _ADAPT_BATCH)):
            rows = [row for row in map(self.read, batch) if row is not None]
            for number, learner in enumerate(learners):
                learner.update([row[number] for row in rows])
        self._set_columns(tuple(learner.result(self.vocabulary_size, self.least_count) for learner in learners))

    def call(self, tensor: Any, training: bool | None = None) -> Any:
        self._known()
        if training and self._draws is not None:
            draws = keras.random.uniform((ops.shape(tensor)[0], len(self.columns)), seed=self._draws)
            owners = [number for number, column in enumerate(in_tensor(self.described)) for _ in range(column.size)]
            tensor = ops.where(ops.take(draws, owners, axis=1) < self.cell_dropout, math.nan, tensor)
        return self._features()(tensor)

    def compute_output_spec(self, tensor: Any, training: bool | None = None) -> Any:
        return keras.KerasTensor((tensor.shape[0], *self.feature_spec().shape), dtype="float32")

    def contract(self) -> dict[str, Any]:
        return {**super().contract(), "columns": columns_contract(self._known()), "missing": "NaN"}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "columns": [column.facts() for column in self.described],
            "vocabulary_size": self.vocabulary_size,
            "least_count": self.least_count,
            "clip": self.clip,
            "cell_dropout": self.cell_dropout,
        }
