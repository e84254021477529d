"""A stream of dict records that can be read again and again, and never lies in memory as a whole."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multimodal_keras.data.digest import digest
from multimodal_keras.data.splits import Assignment, assign
from multimodal_keras.errors import DataError, Origin
from multimodal_keras.runtime.rows import Row, rows_of

if TYPE_CHECKING:
    import pandas

# Formats without a header: the columns are those of the first records.
_ROWS_THAT_NAME_FIELDS = 100


class Records:
    """Records of text, pictures, sound and labels: dicts of column to value, streamed from where they are.

    Made by `read`, `Records.of` and `clipart`. Every way of looking at it (`where`, `take`, `shard`, `split`, `+`) is
    lazy too. Iterating gives plain dicts, with None for an empty cell or NaN.

    Args:
        source: called for each pass; returns an iterator of `(Origin, record)`. A row that cannot be read is an
            `(Origin, DataError)`, so that whoever reads on may leave it out.
        folder: the folder to which paths in the records are relative; None for the working directory.
        fields: the columns, if a header says so; a function is called when they are first asked for.
        length: how many rows there are, if that is known without counting.

    Example:

    >>> import multimodal_keras as mk
    >>> records = mk.data.Records.of([{"text": "a dog", "topic": "animals"}, {"text": "", "topic": "cars"}])
    >>> list(records.where(topic="cars"))
    [{'text': None, 'topic': 'cars'}]
    """

    def __init__(
        self,
        source: Callable[[], Iterator[Row]],
        *,
        folder: Path | None = None,
        fields: Sequence[str] | Callable[[], Sequence[str]] | None = None,
        length: int | None = None,
    ) -> None:
        self._source = source
        self.folder = folder
        self._fields = fields
        self._length = length
        self._fingerprint: str | None = None

    @classmethod
    def of(cls, records: Sequence[dict[str, Any]], folder: Path | None = None) -> Records:
        """Records in memory.

        Args:
            records: dicts; they are not copied until they are read.
            folder: the folder to which paths in them are relative.

        Raises:
            TypeError: if one is no dict.
        """
        for row, record in enumerate(records, 1):
            if not isinstance(record, dict):
                raise TypeError(
                    f"A record is a dict of column to value. Received {type(record).__name__} as number {row}. "
                    "Pass a list of dicts, or a dict of columns to read()."
                )
        return cls(lambda: rows_of(records), folder=folder, length=len(records))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (record for _, record in self.rows())

    def rows(self) -> Iterator[tuple[Origin, dict[str, Any]]]:
        """Each record with the file and the row (from 1, without the header) that it came from.

        Raises:
            DataError: at the first row that cannot be read.
        """
        for origin, record in self.attempts():
            if isinstance(record, DataError):
                raise record
            yield origin, record

    def attempts(self) -> Iterator[Row]:
        """Like `rows`, but a row that cannot be read is handed on as its `DataError`."""
        return self._source()

    @property
    def fields(self) -> list[str]:
        """The columns: of the header, or of the first 100 records where there is none."""
        if callable(self._fields):
            self._fields = self._fields()
        if self._fields is None:
            first = itertools.islice(self.attempts(), _ROWS_THAT_NAME_FIELDS)
            names = (name for _, record in first if isinstance(record, dict) for name in record)
            self._fields = list(dict.fromkeys(names))
        return list(self._fields)

    @property
    def known_length(self) -> int | None:
        """The number of rows if it is known without counting, or was counted before."""
        return self._length

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(1 for _ in self.attempts())
        return self._length

    def __bool__(self) -> bool:
        return next(self.attempts(), None) is not None

    def __repr__(self) -> str:
        return (
            f"Records(fields={self.fields}, length={self._length}, folder={str(self.folder) if self.folder else None})"
        )

    def where(self, **columns: Any) -> Records:
        """The records whose columns have these values.

        Args:
            **columns: column to value. None finds empty cells; a number finds its text too: CSV has only text.

        Raises:
            ValueError: at the end of a pass, if a column occurs in no record.
        """
        return self._view(lambda: self._matching(columns))

    def take(self, count: int) -> Records:
        """The first `count` records."""
        if count < 0:
            raise ValueError(f"A count is 0 or more. Received {count}. Take fewer or more of them.")
        known = None if self._length is None else min(count, self._length)
        return self._view(lambda: itertools.islice(self.attempts(), count), length=known)

    def shard(self, index: int, count: int) -> Records:
        """Every `count`-th record from number `index` (from 0), so that `count` workers share the records.

        Raises:
            ValueError: if the index is not in 0 to `count - 1`.
        """
        if not 0 <= index < count:
            raise ValueError(
                f"A shard's index is from 0 to count - 1. Received index={index}, count={count}. Change one."
            )
        known = None if self._length is None else len(range(index, self._length, count))
        return self._view(lambda: itertools.islice(self.attempts(), index, None, count), length=known)

    def split(
        self, *fractions: float, by: str | None = None, group: str | None = None, seed: int = 0
    ) -> tuple[Records, ...]:
        """Deal the records out to parts, by hash: the same whatever the order of the rows, in every process.

        Guaranteed: records with equal `group` never cross, and neither do identical records (a record whose group is
        empty is a group of its own content). Within each value of `by`, the size of each part is off by less than one
        record (with groups: about one group), and the first part has every value of `by`. Groups are ranked by hash and
        cut by cumulative counts, so appending m rows moves about sqrt(m) of the old ones, not all. Costs one pass and
        9 bytes for each group (about 20 during the pass); the parts stream.

        Args:
            *fractions: one for each part; their sum is 1.
            by: the column whose values each part has in equal proportions. A group with several counts for the most
                frequent one.
            group: the column that says which records belong together.
            seed: another seed, another split.

        Returns:
            As many `Records` as fractions.

        Raises:
            ValueError: if the fractions do not sum to 1 within 1e-6, or a column occurs in no record, or `by` is nearly
                unique.
            DataError: if a row cannot be read.

        Example:

        >>> records = Records.of([{"text": str(number), "topic": "ab"[number % 2]} for number in range(100)])
        >>> train, test = records.split(0.8, 0.2, by="topic")
        >>> len(train), len(test)
        (80, 20)
        """
        assignment = assign(self, fractions, by=by, group=group, seed=seed)
        return tuple(self._part(assignment, part) for part in range(len(fractions)))

    def _part(self, assignment: Assignment, part: int) -> Records:
        def source() -> Iterator[Row]:
            return (row for row in self.rows() if assignment.part_of(row[1]) == part)

        return self._view(source, length=assignment.sizes[part])

    def values(self, field: str) -> Iterator[Any]:
        """One column, streamed; None where a record has no such cell.

        Raises:
            ValueError: at the end, if no record has the column.
        """
        found = False
        for record in self:
            found = found or field in record
            yield record.get(field)
        self._check_found({field} if not found else set())

    def fingerprint(self) -> str:
        """A SHA-256 (hex) over all rows in their order; the same in every process. Unreadable rows count too.

        Files that the records name are not read.
        """
        if self._fingerprint is None:
            total = hashlib.sha256()
            for _, record in self.attempts():
                total.update(digest(record.reason if isinstance(record, DataError) else record))
            self._fingerprint = total.hexdigest()
        return self._fingerprint

    def to_frame(self) -> pandas.DataFrame:
        """All records as a pandas frame, in memory."""
        import pandas  # A second of import that nothing else here needs.

        records = list(iter(self))
        return pandas.DataFrame(records, columns=None if records else self.fields)

    def __add__(self, other: Records) -> Records:
        if not isinstance(other, Records):
            return NotImplemented
        if self.folder != other.folder:
            raise ValueError(
                f"Records that are joined have one base folder. Received {self.folder} and {other.folder}. "
                "Write absolute paths into the records, or move the files into one folder."
            )
        lengths = (self._length, other._length)
        return Records(
            lambda: itertools.chain(self.attempts(), other.attempts()),
            folder=self.folder,
            fields=lambda: list(dict.fromkeys(self.fields + other.fields)),
            length=None if None in lengths else sum(lengths),  # type: ignore[arg-type]
        )

    def _view(self, source: Callable[[], Iterator[Row]], length: int | None = None) -> Records:
        return Records(source, folder=self.folder, fields=lambda: self.fields, length=length)

    def _matching(self, columns: dict[str, Any]) -> Iterator[Row]:
        unseen = set(columns)
        for origin, record in self.attempts():
            if isinstance(record, DataError):
                yield origin, record
                continue
            unseen.difference_update(record)
            if all(_same(record.get(column), value) for column, value in columns.items()):
                yield origin, record
        self._check_found(unseen)

    def _check_found(self, unseen: set[str]) -> None:
        if unseen and self:
            raise ValueError(
                f"A column is one that the records have. Received {', '.join(map(repr, sorted(unseen)))}. "
                f"Columns: {', '.join(self.fields)}."
            )


def _same(cell: Any, wanted: Any) -> bool:
    if isinstance(cell, bytes) and not isinstance(wanted, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, str) and wanted is not None and not isinstance(wanted, str):
        wanted = str(wanted)
    return bool(np.array_equal(cell, wanted)) if isinstance(cell, np.ndarray) else bool(cell == wanted)
