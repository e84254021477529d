"""Records to batches for training: read, decoded, shuffled and kept."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from multimodal_keras.base import Parts, parts
from multimodal_keras.data.cache import Cache, fill, fill_folder, key_of, load
from multimodal_keras.data.decoding import Arrays, Decoder
from multimodal_keras.data.order import ahead, generator, rebatched, shuffled, with_last
from multimodal_keras.data.raw import ErrorLog, chunks, read_rows
from multimodal_keras.data.records import Records
from multimodal_keras.errors import DataError
from multimodal_keras.runtime.rows import Row

MEMORY = "memory"


def batches(records: Records, model: keras.Model | Parts, **options: Any) -> tf.data.Dataset:
    """Batches of a model's inputs, targets and weights, for `model.fit`, `evaluate` and `predict`.

    Args:
        records: the records to feed.
        model: made by `build_model`; its modalities and heads say what the batches hold.
        **options: those of `Pipeline`: `batch_size=32`, `shuffle=False`, `seed=0`, `cache=None`, `on_error="raise"`,
            `labels=True`, `prefetch=True`, `shuffle_window=10_000`.

    Returns:
        A dataset of `(inputs, targets, weights)`, dicts of tensors whose first axis is the batch; or of `inputs` alone
        with `labels=False`. `Pipeline(...)` gives the same with the skipped records, the epoch and clean errors.

    Raises:
        ValueError: for an option out of range, or if the records lack a column that the model needs.

    Example:

    >>> import multimodal_keras as mk
    >>> train = mk.data.clipart().where(split="train").shard(0, 30)
    >>> model = mk.build_model({"title": mk.TextModality()}, {"subject": mk.ClassificationHead()}, adapt_to=train)
    >>> inputs, targets, weights = next(iter(mk.data.batches(train, model)))
    >>> inputs["title"].shape, targets["subject"].shape
    (TensorShape([32, 32]), TensorShape([32]))
    """
    return Pipeline(records, model, **options).dataset()


class Pipeline:
    """The way from records to batches. Use it instead of `batches` to resume training, or to see what was skipped.

    The order of an epoch depends on `seed` and the epoch's number alone. The number is read from `epoch` when the first
    batch is asked for, and goes up by one when the last batch is handed out.

    Args:
        records: the records to feed.
        model: made by `build_model`, or its `Parts`.
        batch_size: records in a batch; the last one may be smaller.
        shuffle: whether each epoch has another order.
        seed: of the shuffling.
        cache: None to read and decode in every epoch, in memory that does not depend on the number of records;
            `"memory"` to decode once and keep the arrays; a folder to keep them there for later runs too, made anew
            when records, files, modalities or heads are others.
        on_error: `"raise"`, or `"skip"` to leave out records that cannot be used.
        labels: whether to give targets and weights. A record without a label has the weight 0.
        prefetch: whether to read and decode a few batches ahead, on all cores.
        shuffle_window: without a cache, how many rows to shuffle among: paths and text, not yet read files.

    Attributes:
        epoch: the number of the next epoch; set it to resume.
        error: the exception that ended the last pass, or None.

    Raises:
        ValueError: for an option out of range, or if the records lack a column that the model needs.
        DataError: while iterating, for a record that cannot be used. Through `tf.data` it arrives as a TensorFlow error
            with the same message; within `errors()` as itself.
    """

    # Seven arguments are the rule; these are the choices of one pass over the records, and belong to nothing smaller.
    def __init__(
        self,
        records: Records,
        model: keras.Model | Parts,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        cache: str | Path | None = None,
        on_error: str = "raise",
        labels: bool = True,
        prefetch: bool = True,
        shuffle_window: int = 10_000,
    ) -> None:
        if min(batch_size, shuffle_window) < 1:
            raise ValueError(
                f"batch_size and shuffle_window are at least 1. Received {batch_size} and {shuffle_window}. Raise them."
            )
        found = model if isinstance(model, Parts) else parts(model)
        self.records, self.modalities, self.heads = records, found.modalities, found.heads if labels else {}
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self.cache, self.prefetch, self.shuffle_window = cache, prefetch, shuffle_window
        self.epoch = 0
        self.error: Exception | None = None
        self._log = ErrorLog(on_error)
        self._decoder = Decoder(self.modalities, self.heads, self._log)
        self._kept: Cache | None = None
        self._filling = threading.Lock()
        self._check_columns()

    def _check_columns(self) -> None:
        fields = set(self.records.fields)
        required = {field: modality.columns for field, modality in self.modalities.items() if not modality.optional}
        lacking = [field for field, columns in required.items() if not fields & {field, *columns}]
        lacking += [task for task in self.heads if task not in fields]
        if lacking and self.records:
            raise ValueError(
                "Records have a column for each required modality and each task of the model. Received none for "
                f"{', '.join(lacking)}; columns: {', '.join(self.records.fields)}. Rename the column, declare the "
                "modality optional=True, or pass labels=False."
            )

    @property
    def skipped(self) -> list[dict[str, Any]]:
        """The records that were left out so far: dicts of `file`, `row`, `field` and `reason`, sorted."""
        entries = list(self._log.entries)
        return sorted(entries, key=lambda entry: (str(entry["file"]), entry["row"] or 0, str(entry["field"])))

    def dataset(self) -> tf.data.Dataset:
        """The batches as a `tf.data.Dataset`; each iteration of it is one epoch.

        With a cache, this is when it is filled. Otherwise the records are counted, so that Keras knows where one ends
        (with `on_error="skip"` and no cache nobody knows, and Keras warns that the input ran out of data).

        Raises:
            DataError: while the cache is filled, for a record that cannot be used.
        """
        # The order of the steps: shuffle rows before they are read (a window of paths costs kilobytes, of pixels
        # gigabytes), group them, read and decode whole batches in threads (one compiled call each), and hand them out.
        # Reading ahead is done here and not by `Dataset.prefetch` (which tf.data would add by itself): that draws
        # batches nobody asked for, and Keras draws one before it trains, so the count of epochs would depend on a race.
        dataset = tf.data.Dataset.from_generator(self._elements, output_signature=self._signature())
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False
        dataset = dataset.with_options(options)
        known = self._count_of_batches()
        return dataset if known is None else dataset.apply(tf.data.experimental.assert_cardinality(known))

    @contextlib.contextmanager
    def errors(self) -> Iterator[Pipeline]:
        """Within this context, what stopped the pipeline is raised as it was, not as TensorFlow wrapped it.

        Raises:
            DataError: for a record that cannot be used.
        """
        self.error = None
        try:
            yield self
        except Exception:
            if self.error is not None:
                raise self.error from None
            raise

    def _signature(self) -> Any:
        flat = {key: tf.TensorSpec((None, *spec.shape), spec.dtype) for key, spec in self._decoder.specs().items()}
        return self._element(flat)

    def _element(self, batch: dict[Any, Any]) -> Any:
        element: dict[str, dict[str, Any]] = {"inputs": {}, "targets": {}, "weights": {}}
        for (kind, name), value in batch.items():
            element[kind][name] = value
        return tuple(element.values()) if self.heads else element["inputs"]

    def _count_of_batches(self) -> int | None:
        if self.cache is None and self._log.skips:
            return None
        rows = len(self.records if self.cache is None else self._cache())
        return math.ceil(rows / self.batch_size) or None

    def _elements(self) -> Iterator[Any]:
        epoch, self.error = self.epoch, None
        empty = True
        try:
            stream = self._decoded(epoch) if self.cache is None else self._gathered(epoch)
            for batch, last in with_last(stream):
                empty = False
                if last:
                    self.epoch = epoch + 1
                yield self._element(batch)
            if empty:
                raise DataError(
                    "A pass needs at least one usable record. Received none. Check the filter and `skipped`."
                )
        except Exception as error:
            self.error = error
            raise

    def _decoded(self, epoch: int) -> Iterator[Arrays]:
        rows: Iterator[Row] = self.records.attempts()
        if self.shuffle:
            rows = shuffled(rows, self.shuffle_window, generator(self.seed, epoch))
        return rebatched(self._work(rows), self.batch_size)

    def _gathered(self, epoch: int) -> Iterator[Arrays]:
        kept = self._cache()
        order = generator(self.seed, epoch).permutation(len(kept)) if self.shuffle else np.arange(len(kept))
        starts = range(0, len(kept), self.batch_size)
        return (kept.take(order[start : start + self.batch_size]) for start in starts)

    def _work(self, rows: Iterable[Row]) -> Iterator[Arrays | None]:
        groups = chunks(rows, self.batch_size)
        return ahead(self._read_and_decode, groups) if self.prefetch else map(self._read_and_decode, groups)

    def _read_and_decode(self, rows: list[Row]) -> Arrays | None:
        return self._decoder(read_rows(rows, self.modalities, self.records.folder, self._log))

    def _cache(self) -> Cache:
        with self._filling:
            if self._kept is None:
                self._kept = self._filled()
                for entry in self._kept.skipped:
                    self._log.add(entry)
            return self._kept

    def _filled(self) -> Cache:
        specs, length = self._decoder.specs(), len(self.records)
        if not length or self.cache == MEMORY:
            return fill(specs, self._work(self.records.attempts()), length, None)
        key = key_of(self.records, self.modalities, self.heads, self._log.on_error)
        folder = Path(self.cache or "") / key
        return load(folder, specs) or fill_folder(
            folder, specs, self._work(self.records.attempts()), length, self._log.entries
        )
