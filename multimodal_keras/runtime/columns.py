"""The columns of a table: what kind of cells each has, what was learned about it, and where it stands in the tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NUMBER, CATEGORY, BOOLEAN, DATE = "number", "category", "boolean", "date"
KINDS = (NUMBER, CATEGORY, BOOLEAN, DATE)
# Ids of a category: 0 for a missing cell, 1 for a text that is not in the vocabulary, then the vocabulary or the buckets.
MISSING_ID, UNSEEN_ID, FIRST_ID = 0, 1, 2
DATE_PARTS = ("year", "month", "day", "weekday", "hour")
_MOST_BUCKETS = 2**24 - FIRST_ID  # float32 holds every id up to here


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: in records.
        kind: `"number"`, `"category"`, `"boolean"` or `"date"`; None until it is found from records.
        vocabulary: of a category, its texts from id 2 on; None until they are learned.
        hash_buckets: of a category without a vocabulary: each text has one of so many ids, by its hash.
        mean: of a number, a boolean (1 and 0) or a date (in years); None until it is learned.
        deviation: the standard deviation; 1 where all cells are equal.
    """

    name: str
    kind: str | None = None
    vocabulary: tuple[str, ...] | None = None
    hash_buckets: int | None = None
    mean: float | None = None
    deviation: float | None = None

    @property
    def is_adapted(self) -> bool:
        """Whether nothing is left to learn from records."""
        if self.kind == CATEGORY:
            return self.hash_buckets is not None or self.vocabulary is not None
        return self.kind is not None and self.mean is not None

    @property
    def size(self) -> int:
        """How many numbers it has in the tensor."""
        return len(DATE_PARTS) if self.kind == DATE else 1

    @property
    def cardinality(self) -> int | None:
        """How many ids a category has; None for other kinds."""
        if self.kind != CATEGORY:
            return None
        return FIRST_ID + (len(self.vocabulary or ()) if self.hash_buckets is None else self.hash_buckets)

    def facts(self) -> dict[str, Any]:
        """What is known about it, as JSON-able values; `make_columns` takes them."""
        known = {name: value for name, value in vars(self).items() if value is not None}
        return known | ({"vocabulary": list(self.vocabulary)} if self.vocabulary is not None else {})


def make_columns(columns: Mapping[str, Any] | Iterable[Any]) -> tuple[Column, ...]:
    """Columns from what a person wrote.

    Args:
        columns: name to kind, or to a dict of `Column`'s attributes; or a list of names (whose kinds are then found from
            records) and of such dicts with a `name`.

    Raises:
        ValueError: for an unknown kind or attribute, one that the kind does not have, or a name that is there twice.
        TypeError: for columns in another form.
    """
    if isinstance(columns, (str, bytes)):
        raise TypeError(f"columns is a dict of name to kind, or a list of names. Received {columns!r}. Pass a list.")
    named = columns.items() if isinstance(columns, Mapping) else ((None, value) for value in columns)
    made = tuple(_column(name, value) for name, value in named)
    names = [column.name for column in made]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"Each column is named once. Received twice: {', '.join(twice)}. Leave one out.")
    return made


def _column(name: str | None, value: Any) -> Column:
    if isinstance(value, Column):
        return value
    options = {"kind": value} if name is not None else {"name": value}
    options = {"name": name, **value} if isinstance(value, Mapping) else {"name": name, **options}
    known = {field.name for field in dataclasses.fields(Column)}
    strangers = sorted(options.keys() - known)
    if strangers:
        raise ValueError(
            f"A column has {', '.join(sorted(known))}. Received {', '.join(strangers)} for {options['name']!r}. "
            "Leave it out."
        )
    if not isinstance(options["name"], str) or not options["name"]:
        raise ValueError(f"A column has a name. Received {options['name']!r}. Write the name that it has in records.")
    if isinstance(options.get("vocabulary"), Sequence):
        options["vocabulary"] = tuple(str(text).strip() for text in options["vocabulary"])
    return _checked(Column(**options))


def _checked(column: Column) -> Column:
    if column.kind not in (*KINDS, None):
        raise ValueError(
            f"The kind of a column is one of {', '.join(KINDS)}. Received {column.kind!r} for {column.name!r}. "
            "Choose one of these."
        )
    only = {"vocabulary", "hash_buckets"} if column.kind == CATEGORY else {"mean", "deviation"}
    wrong = [name for name in ("vocabulary", "hash_buckets", "mean", "deviation") if getattr(column, name) is not None]
    wrong = [name for name in wrong if name not in only or column.kind is None]
    if wrong:
        raise ValueError(
            f"Categories have a vocabulary or hash_buckets, other kinds mean and deviation. Received {wrong[0]} for the "
            f"column {column.name!r} of the kind {column.kind}. Change its kind, or leave that out."
        )
    buckets = column.hash_buckets
    if buckets is not None and not (isinstance(buckets, int) and 1 <= buckets <= _MOST_BUCKETS):
        raise ValueError(
            f"hash_buckets is from 1 to {_MOST_BUCKETS}. Received {buckets!r} for {column.name!r}. Change it."
        )
    if buckets is not None and column.vocabulary is not None:
        raise ValueError(f"A category has a vocabulary or hash_buckets. Received both for {column.name!r}. Choose one.")
    if column.vocabulary is not None and len({*column.vocabulary, ""}) <= len(column.vocabulary):
        raise ValueError(
            f"A vocabulary holds texts, each once. Received one twice, or an empty one, for {column.name!r}. Leave it out."
        )
    if (column.mean is None) != (column.deviation is None) or (column.deviation is not None and column.deviation <= 0):
        raise ValueError(
            f"A mean has a deviation above 0. Received {column.mean!r} and {column.deviation!r} for {column.name!r}. "
            "Give both, or none."
        )
    return column


def in_tensor(columns: Iterable[Column]) -> list[Column]:
    """The columns in the order in which the tensor has them: numbers and booleans, then dates, then categories."""
    columns = list(columns)
    order = ((NUMBER, BOOLEAN), (DATE,), (CATEGORY,))
    return [column for kinds in order for column in columns if column.kind in kinds]


def places(columns: Iterable[Column]) -> dict[str, int]:
    """Name to the column's first place in the tensor."""
    found, place = {}, 0
    for column in in_tensor(columns):
        found[column.name] = place
        place += column.size
    return found


def columns_contract(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """The columns in the order of the raw value, each with its `place` in the tensor, and `parts` of a date."""
    found = places(columns)
    return [
        {
            **column.facts(),
            "place": found[column.name],
            **({"parts": list(DATE_PARTS)} if column.kind == DATE else {}),
        }
        for column in columns
    ]


def columns_of(contract: Iterable[Mapping[str, Any]]) -> tuple[Column, ...]:
    """The columns that a contract tells of."""
    return make_columns([{key: facts[key] for key in facts if key not in ("place", "parts")} for facts in contract])
