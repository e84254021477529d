"""What inside of a field an answer rests on: ask a Keras model, record by record."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from multimodal_keras.attributing.fading import FadingModel
from multimodal_keras.attributing.gradients import Gradients, Integrated
from multimodal_keras.attributing.parts import Content, tell
from multimodal_keras.attributing.result import (
    ABSENT,
    GRAD_CAM,
    INTEGRATED,
    NONE,
    Attributions,
    FieldAttribution,
    RecordAttribution,
    TaskAttribution,
)
from multimodal_keras.base import Head, parts, presence_name, split_steps
from multimodal_keras.data import Records, raw_batches, read
from multimodal_keras.data.decoding import Decoder
from multimodal_keras.data.raw import ErrorLog, RawBatch
from multimodal_keras.prediction import RUN_MODEL
from multimodal_keras.runtime.rows import MEMORY

_MOST_NUMBERS = 40_000_000  # that are kept for a batch: 160 MB
_NO_EMBEDDING = "its encoder embeds ids in a way that has no gradient"


def attribute(
    source: Any,
    records: Any,
    *,
    labels: Mapping[str, str] | None = None,
    steps: int = 64,
    batch_size: int | None = None,
    on_error: str = "raise",
    skipped: list[dict[str, Any]] | None = None,
) -> Attributions:
    """Tell what inside of each field an answer rests on: words, places of a picture, columns, frames, steps.

    Integrated gradients, for all fields of a record together: what each token, column, frame, step, point or pixel added on
    the straight line from the baseline to the record. **The baseline** is zero in all numbers that an encoder begins with:
    no embedding of any token or category, a black picture, the mean of a column, a channel or a band that was normalised.
    What was present stays present. The attributions of all fields sum to the prediction minus that of the baseline; what
    the numbers miss of that is the `residual`. A picture has a map by Grad-CAM where its encoder keeps a grid of cells, and
    else the integrated gradients of its pixels. What a record lacks, and steps that do not count, have none.

    Args:
        source: a model, a run folder, or a `.keras` file. An exported model has no gradients.
        records: `Records`, or anything that `data.read` takes. Labels are not needed.
        labels: task to the label that is asked about; by default the most probable one of each record.
        steps: how many gradients are taken for each record at most; fewer where nearly nothing is missed with fewer.
        batch_size: records in a batch; by default as many as go well into memory, at most 32.
        on_error: `"raise"`, or `"skip"` to leave out records that cannot be used.
        skipped: a list that gets `{"file", "row", "field", "reason"}` for each of these.

    Returns:
        `Attributions`: a list with one entry for each record. `found[0]["subject"]["title"].parts` are the tokens.
        `print` shows it, and `save` writes JSON, pictures and a page.

    Raises:
        DataError: names file, row and field of a record that cannot be used.
        ValueError: for an exported model, an unknown task or label, or fewer than one step.

    Example:

    >>> import multimodal_keras as mk
    >>> records = [{"title": "a cat", "subject": "animals"}, {"title": "a pear", "subject": "food"}]
    >>> model = mk.build_model({"title": mk.TextModality()}, {"subject": mk.ClassificationHead()}, adapt_to=records)
    >>> found = mk.attribute(model, records, steps=16)
    >>> [part.name for part in found[1]["subject"]["title"].parts]
    ['a', 'pear']

    Reference:
        Sundararajan et al., Axiomatic Attribution for Deep Networks (arXiv:1703.01365); Selvaraju et al., Grad-CAM: Visual
        Explanations from Deep Networks via Gradient-based Localization (arXiv:1610.02391).
    """
    if not isinstance(steps, Integral) or steps < 1:
        raise ValueError(f"steps is at least 1, a whole number. Received {steps!r}. 64 are enough for most models.")
    if not isinstance(labels or {}, Mapping):
        raise ValueError(f"labels is task to label. Received {labels!r}. Pass for instance {{'subject': 'animals'}}.")
    log = ErrorLog(on_error, skipped)
    asker = _Asker(_loaded(source), labels or {}, steps, log)
    records = records if isinstance(records, Records) else read(records)
    found = [
        answer
        for batch in raw_batches(
            records, asker.modalities, asker.batch_size(batch_size), on_error=on_error, skipped=log.entries
        )
        for answer in asker(batch)
    ]
    return Attributions(found, {"steps": steps})


def _loaded(source: Any) -> keras.Model:
    if isinstance(source, keras.Model):
        return source
    path = Path(source)
    path = path / RUN_MODEL if path.is_dir() else path
    if path.suffix != ".keras" or not path.is_file():
        raise ValueError(
            "What is inside of a field is told by gradients, which only a Keras model has: a model, a run folder or a "
            f".keras file. Received {str(source)!r}. Pass the run that it was exported from; multimodal_keras.explain tells "
            "exact contributions of whole fields from an exported model."
        )
    return keras.saving.load_model(path)


class _Asker:
    """Answers batches of raw values."""

    def __init__(self, model: keras.Model, labels: Mapping[str, str], steps: int, log: ErrorLog) -> None:
        # Before anything is traced.
        self._labels = {task: _place(parts(model).heads, task, label) for task, label in labels.items()}
        self._fading = FadingModel(model)
        self._gradients = Gradients(self._fading)
        self.modalities, self._heads = self._fading.found.modalities, self._fading.found.heads
        self._steps = steps
        self._decoder = Decoder(self.modalities, {}, log)

    def batch_size(self, wished: int | None) -> int:
        numbers = sum(math.prod(gate.shape) for gate in self._fading.gates) * self._steps * len(self._heads)
        return wished if wished is not None else max(1, min(32, _MOST_NUMBERS // max(numbers, 1)))

    def __call__(self, batch: RawBatch) -> Iterator[RecordAttribution]:
        arrays = self._decoder(batch)
        if arrays is None:
            return
        if len(next(iter(arrays.values()))) < len(batch):
            bad = [row for row in range(len(batch)) if self._decoder(_only(batch, row)) is None]
            batch = batch.without(bad)
        inputs = {name: tf.constant(array) for (_, name), array in arrays.items()}
        answers = self._fading.outputs(inputs, tf.ones((len(batch),)))
        outputs = {task: output.numpy() for task, output in answers.items()}
        places = {
            task: np.full(len(batch), self._labels[task]) if task in self._labels else output.argmax(axis=1)
            for task, output in outputs.items()
        }
        found = self._gradients.integrated(inputs, places, self._steps)
        maps = self._gradients.grad_cam(inputs, places)
        steps = {field: self._steps_of(field, inputs) for field in self.modalities}
        for row, origin in enumerate(batch.origins):
            contents = {
                field: Content(
                    modality,
                    self._fading.found.encoders[field],
                    batch.raw[field][row],
                    inputs[field][row].numpy(),
                    steps[field][row],
                )
                for field, modality in self.modalities.items()
                if bool(inputs.get(presence_name(field), np.ones(len(batch), bool))[row])
            }
            tasks = {task: self._task(task, row, places, found, maps, contents) for task in self._heads}
            shown = {field: content.shown() for field, content in contents.items()}
            yield RecordAttribution(None if origin.file == MEMORY else origin.file, origin.row, tasks, shown)

    def _steps_of(self, field: str, inputs: Mapping[str, Any]) -> Sequence[int | None]:
        modality = self.modalities[field]
        _, mask = split_steps(modality(inputs[field]))
        return [None] * len(inputs[field]) if mask is None else np.asarray(mask).sum(axis=1).tolist()

    def _task(
        self, task: str, row: int, places: Any, found: Integrated, maps: Any, contents: Mapping[str, Content]
    ) -> TaskAttribution:
        fields = {}
        for field, modality in self.modalities.items():
            numbers = {gate.where: each[row] for gate, each in found.attributions[task].items() if gate.field == field}
            if field not in contents or not numbers:
                method, why = (NONE, _NO_EMBEDDING) if field in contents else (ABSENT, "")
                fields[field] = FieldAttribution(field, modality.kind, method, 0.0, (), None, why)
                continue
            pieces, table = tell(contents[field], numbers)
            total = float(sum(each.sum() for each in numbers.values()))
            method = INTEGRATED
            if field in self._fading.grids:
                method, table = GRAD_CAM, maps[task][field][row]
            fields[field] = FieldAttribution(field, modality.kind, method, total, pieces, table)
        facts = self._heads[task].contract()
        label = facts["labels"][places[task][row]] if "labels" in facts else None
        prediction, baseline = float(found.predictions[task][row]), float(found.baselines[task][row])
        return TaskAttribution(task, label, facts.get("unit"), prediction, baseline, fields)


def _place(heads: Mapping[str, Head], task: str, label: str) -> int:
    if task not in heads:
        raise ValueError(f"labels are for the model's tasks: {', '.join(heads)}. Received {task!r}. Rename it.")
    known = list(heads[task].contract().get("labels", ()))
    if label not in known:
        raise ValueError(
            f"A label is one of its task's: {', '.join(known) or f'{task} has none'}. Received {label!r} for {task!r}. "
            "Choose one of these, or leave it out."
        )
    return known.index(label)


def _only(batch: RawBatch, row: int) -> RawBatch:
    return batch.without([other for other in range(len(batch)) if other != row])
