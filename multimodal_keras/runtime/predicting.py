"""Records to answers through any model: what `predict` does, with and without TensorFlow."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np

from multimodal_keras.errors import DataError, Origin, check_on_error
from multimodal_keras.runtime.answers import answers
from multimodal_keras.runtime.explanations import Explanations
from multimodal_keras.runtime.kinds import kind_of
from multimodal_keras.runtime.raw import Raw, column_names, is_absent, pick, raw_spec, stacked
from multimodal_keras.runtime.reasons import first_line
from multimodal_keras.runtime.rows import Row, csv_rows, jsonl_rows, rows_of

# What TensorFlow puts before a decoder's own words.
_GRAPH_NAMES = re.compile(r"\{\{.*?\}\}\s*")

RawRecord = dict[str, Raw | None]
Answer = dict[str, Any]


class Predictor(ABC):
    """Something that answers raw values: an exported model, or a model in this process.

    Attributes:
        contract: what every input and output is.
    """

    contract: dict[str, Any]

    @abstractmethod
    def outputs(self, raw: Mapping[str, Sequence[bytes] | np.ndarray]) -> dict[str, np.ndarray]:
        """Task to `(batch, outputs)`, for field to one raw value of each record."""

    def predict(
        self,
        records: Any,
        *,
        batch_size: int = 64,
        on_error: str = "raise",
        skipped: list[dict[str, Any]] | None = None,
    ) -> list[Answer]:
        """Answer records.

        Args:
            records: the path of a `.csv`, `.tsv` or `.jsonl` file, dicts of field to value (a text; the path, the bytes
                or the pixels of a picture), or what `multimodal_keras.data.read` returned. What the model has no field for
                is not looked at; a field that is left out, None or empty is missing.
            batch_size: records in a batch.
            on_error: `"raise"`, or `"skip"`: a record that cannot be used is answered by `{"error": reason}`.
            skipped: a list that gets `{"file", "row", "field", "reason"}` for each of these.

        Returns:
            One answer for each record, in their order: task to `{"label", "probability", "probabilities"}`,
            `{"labels", "probabilities"}` or `{"value"}`.

        Raises:
            DataError: names file, row and field of a record that cannot be used.
            TypeError: for records of another kind.
            ValueError: for a file or an argument of another kind.
        """
        skipped = [] if skipped is None else skipped
        return [answer for _, answer in self.stream(records, batch_size, on_error, skipped)]

    @property
    def explains(self) -> bool:
        """Whether `explained` answers."""
        return False

    def explained(self, raw: Mapping[str, Sequence[bytes] | np.ndarray]) -> dict[str, np.ndarray]:
        """What `outputs` answers, with `<task>_contributions` and `<task>_baseline` beside each task."""
        raise NotImplementedError

    def explain(
        self,
        records: Any,
        *,
        batch_size: int | None = None,
        on_error: str = "raise",
        skipped: list[dict[str, Any]] | None = None,
    ) -> Explanations:
        """Answer records, and tell how much each modality contributed.

        Args:
            records: as for `predict`.
            batch_size: records in a batch; by default fewer the more modalities there are.
            on_error: as for `predict`.
            skipped: as for `predict`.

        Returns:
            What `predict` returns, with `"baseline"` and `"contributions"` in the answer to each task: see
            `multimodal_keras.explain`.

        Raises:
            DataError: names file, row and field of a record that cannot be used.
            ValueError: if this model cannot tell.
        """
        skipped, explainer = [] if skipped is None else skipped, Explainer(self)
        size = explainer.batch_size if batch_size is None else batch_size
        return Explanations(answer for _, answer in explainer.stream(records, size, on_error, skipped))

    def close(self) -> None:  # noqa: B027 (most hold nothing)
        """Free what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stream(
        self, records: Any, batch_size: int, on_error: str, skipped: list[dict[str, Any]]
    ) -> Iterator[tuple[Origin, Answer]]:
        """The same as `predict`, record by record with its origin, in memory that does not depend on their number."""
        if "part" in self.contract:
            raise ValueError(
                f"Records are answered by a whole model. Received the part {self.contract['part']!r}. Use the file of the "
                "whole model, or `call` the part with tensors."
            )
        check_on_error(on_error)
        if batch_size < 1:
            raise ValueError(f"batch_size is 1 or more. Received {batch_size!r}. Leave it out.")
        rows, folder = _open(records)
        while chunk := list(islice(rows, batch_size)):
            for origin, found in _answered(self, chunk, folder):
                if isinstance(found, DataError):
                    if on_error == "raise":
                        raise found
                    facts = {"file": origin.file, "row": origin.row, "field": found.field, "reason": found.reason}
                    skipped.append(facts)
                    found = {"error": found.reason}
                yield origin, found


class Explainer(Predictor):
    """A predictor whose answers also tell how much each modality contributed.

    Args:
        predictor: that can tell.

    Attributes:
        contract: of the predictor.
        batch_size: how many records go well into one call, which answers each for every subset of modalities.

    Raises:
        ValueError: if it cannot.
    """

    def __init__(self, predictor: Predictor) -> None:
        if not predictor.explains:
            count = len(predictor.contract["modalities"])
            raise ValueError(
                "Contributions come from a model of at most 10 modalities, a SavedModel with the signature 'explain', or a "
                f".tflite file that was exported with explain=True. Received a model of {count} without one. Export it "
                "again, a .tflite file with explain=True (--explain)."
            )
        self.contract = predictor.contract
        self.batch_size = min(64, max(1, 512 >> len(self.contract["modalities"])))
        self._predictor = predictor

    def outputs(self, raw: Mapping[str, Sequence[bytes] | np.ndarray]) -> dict[str, np.ndarray]:
        """Task to `(batch, outputs)`, with contributions and baselines."""
        return self._predictor.explained(raw)


def _open(records: Any) -> tuple[Iterator[Row], Path | None]:
    """The rows, and the folder to which paths in them are relative."""
    if isinstance(records, (str, Path)):
        path = Path(records)
        if not path.is_file():
            raise DataError(f"There is no such file. Received {str(records)!r}. Check the path.")
        readers = {".csv": csv_rows, ".tsv": lambda path: csv_rows(path, "\t"), ".jsonl": jsonl_rows}
        if path.suffix.lower() not in readers:
            raise ValueError(
                f"A file of records is {', '.join(readers)}. Received {str(records)!r}. Read others by "
                "multimodal_keras.data.read, and pass what it returns."
            )
        return readers[path.suffix.lower()](path), path.parent
    if hasattr(records, "attempts"):
        return iter(records.attempts()), records.folder
    if isinstance(records, Mapping) or not isinstance(records, Iterable):
        raise TypeError(
            "Records are a path, or dicts of field to value. "
            f"Received one {type(records).__name__}. Pass a list, also of one record."
        )
    return rows_of(_checked(records)), None


def _checked(records: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise TypeError(
                f"A record is a dict of field to value. Received {type(record).__name__} as number {number}. "
                "Pass a list of dicts."
            )
        yield record


def _answered(predictor: Predictor, rows: list[Row], folder: Path | None) -> list[tuple[Origin, Answer | DataError]]:
    raws = [read_raw(predictor.contract, *row, folder) for row in rows]
    try:
        found = _predict(predictor, raws)
    except Exception as error:
        # One record that cannot be decoded fails its batch: ask for each on its own to find it.
        if not _is_about_a_record(error):
            raise
        raws = [_tried(predictor, raw, row[0]) for raw, row in zip(raws, rows, strict=True)]
        found = _predict(predictor, raws)
    answered = [raw if isinstance(raw, DataError) else next(found) for raw in raws]
    return [(origin, answer) for (origin, _), answer in zip(rows, answered, strict=True)]


def read_raw(contract: Mapping[str, Any], origin: Origin, record: Any, folder: Path | None) -> RawRecord | DataError:
    """What a client would send for this record, or why it cannot be sent."""
    if isinstance(record, DataError):
        return record
    fields = contract["modalities"]
    known = {name for field, facts in fields.items() for name in (field, *column_names(facts))}
    if not known & record.keys():
        return DataError(
            f"A record has at least one of the fields {', '.join(sorted(known))}. "
            f"Received {', '.join(map(str, record)) or 'none'}. Name the columns as the model's fields.",
            origin,
        )
    raw: RawRecord = {}
    for field, facts in fields.items():
        try:
            value = pick(record, field, column_names(facts))
            raw[field] = kind_of(field, facts).read(value, folder, facts)
        except ValueError as error:
            return DataError(str(error), origin, field)
        if is_absent(raw[field]) and not facts["optional"]:
            reason = "A required field has a value in each record. Received an empty one. Fill it."
            return DataError(reason, origin, field)
    return raw


def _tried(predictor: Predictor, raw: RawRecord | DataError, origin: Origin) -> RawRecord | DataError:
    try:
        _predict(predictor, [raw])
    except Exception as error:
        if not _is_about_a_record(error):
            raise
        said = _GRAPH_NAMES.sub("", first_line(error))
        return DataError(
            f"A value can be decoded. Received one that cannot: {said} Replace it or leave it out.", origin
        )
    return raw


def _predict(predictor: Predictor, raws: Sequence[RawRecord | DataError]) -> Iterator[Answer]:
    """One answer for each that is not an error."""
    good = [raw for raw in raws if not isinstance(raw, DataError)]
    if not good:
        return iter(())
    fields = predictor.contract["modalities"]
    outputs = predictor.outputs(
        {field: stacked([raw[field] for raw in good], raw_spec(fields[field])) for field in good[0]}
    )
    return iter(answers(predictor.contract, outputs))


def _is_about_a_record(error: Exception) -> bool:
    """Whether decoding refused a value: numpy and Pillow say ValueError, a graph says InvalidArgumentError."""
    return isinstance(error, ValueError) or type(error).__name__ == "InvalidArgumentError"
