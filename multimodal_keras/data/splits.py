"""Deal records out to parts by hash: deterministic, stratified, with groups kept together."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from multimodal_keras.data.digest import digest

_COMPACT_AFTER = 1 << 20
_FEW_STRATA = 20


@dataclass(frozen=True)
class Assignment:
    """Which group goes to which part.

    Attributes:
        keys: `uint64 (groups,)`, ascending: the groups' hashes.
        parts: `uint8 (groups,)`.
        sizes: how many records each part has.
        group: the column that names the group, or None.
        salt: what the seed adds to each hash.
    """

    keys: np.ndarray
    parts: np.ndarray
    sizes: list[int]
    group: str | None
    salt: bytes

    def part_of(self, record: dict[str, Any]) -> int:
        """The part of one record.

        Raises:
            ValueError: if the record was not there when the parts were dealt.
        """
        key = group_key(record, self.group, self.salt)
        index = int(np.searchsorted(self.keys, np.uint64(key)))
        if index == len(self.keys) or self.keys[index] != key:
            raise ValueError(
                f"Records stay as they were when they were split. Received a new one, with {sorted(record)}. "
                "Split again."
            )
        return int(self.parts[index])


def group_key(record: dict[str, Any], group: str | None, salt: bytes) -> int:
    """A 64-bit hash of what keeps records together: the group, or the content where there is no group."""
    name = None if group is None else record.get(group)
    return int.from_bytes(digest(record if name is None else ["group", name], 8, salt), "little")


def assign(
    records: Iterable[dict[str, Any]], fractions: Sequence[float], *, by: str | None, group: str | None, seed: int
) -> Assignment:
    """One pass over the records; see `Records.split` for what is guaranteed."""
    _check_fractions(fractions)
    salt = f"split {seed}".encode()
    tally = _Tally(by, group, salt)
    for record in records:
        tally.add(record)
    tally.check()
    keys, codes, counts = tally.groups()
    parts = np.zeros(len(keys), "uint8")
    for code, stratum in enumerate(tally.strata):
        members = np.flatnonzero(codes == code)
        start = int.from_bytes(digest(stratum, 4, salt), "little") / 2**32
        parts[members] = _cut(counts[members], fractions, start)
    sizes = np.bincount(parts, weights=counts, minlength=len(fractions)).astype(int)
    return Assignment(keys, parts, sizes.tolist(), group, salt)


def _check_fractions(fractions: Sequence[float]) -> None:
    numbers = all(isinstance(fraction, Real) for fraction in fractions)
    if not numbers or not fractions or len(fractions) > 255 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(
            f"The fractions of a split are 1 to 255 numbers of 0 or more that sum to 1. Received {list(fractions)}. "
            "Pass one for each part, for instance split(0.8, 0.1, 0.1)."
        )


def _cut(counts: np.ndarray, fractions: Sequence[float], start: float) -> np.ndarray:
    """The parts of one stratum's groups, which are in the order of their hashes.

    This is systematic sampling: a part's size is its share rounded down or up, and as the start differs between strata,
    the rounding evens out over many small strata instead of starving the smallest part.
    """
    if not len(counts):
        return np.zeros(0, "uint8")
    places = (np.cumsum(counts) - counts + start * counts) / counts.sum()
    borders = np.round(np.cumsum(fractions), 9)[:-1]
    parts = np.searchsorted(borders, places, side="right").astype("uint8")
    if fractions[0] > 0 and 0 not in parts:
        parts[0] = 0  # A model cannot learn a value that its training part does not have.
    return parts


class _Tally:
    """Counts records by group and stratum, in arrays: 20 bytes for each pair of these."""

    def __init__(self, by: str | None, group: str | None, salt: bytes) -> None:
        self.by, self.group, self.salt = by, group, salt
        self.strata: dict[Any, int] = {}
        self._unseen = {name for name in (by, group) if name is not None}
        self._fields: list[str] = []
        self._new: tuple[array, array] = (array("Q"), array("I"))
        self._done = (np.zeros(0, "uint64"), np.zeros(0, "uint32"), np.zeros(0, "int64"))

    def add(self, record: dict[str, Any]) -> None:
        self._unseen.difference_update(record)
        self._fields = self._fields or list(record)
        value = record.get(self.by) if self.by is not None else None
        stratum = value if isinstance(value, (str, bytes, int, float, type(None))) else digest(value)
        self._new[0].append(group_key(record, self.group, self.salt))
        self._new[1].append(self.strata.setdefault(stratum, len(self.strata)))
        if len(self._new[0]) >= _COMPACT_AFTER:
            self._compact()

    def _compact(self) -> None:
        keys = np.concatenate([self._done[0], np.array(self._new[0], "uint64")])
        codes = np.concatenate([self._done[1], np.array(self._new[1], "uint32")])
        counts = np.concatenate([self._done[2], np.ones(len(self._new[0]), "int64")])
        order = np.lexsort((codes, keys))
        keys, codes, counts = keys[order], codes[order], counts[order]
        first = np.ones(len(keys), bool)
        first[1:] = (keys[1:] != keys[:-1]) | (codes[1:] != codes[:-1])
        starts = np.flatnonzero(first)
        self._done = (keys[starts], codes[starts], np.add.reduceat(counts, starts) if len(starts) else counts)
        self._new = (array("Q"), array("I"))

    def check(self) -> None:
        if self._unseen and self._fields:
            raise ValueError(
                f"A split goes by columns of the records. Received {', '.join(map(repr, sorted(self._unseen)))}. "
                f"Columns: {', '.join(self._fields)}."
            )
        self._compact()
        groups = len(np.unique(self._done[0]))
        if len(self.strata) > max(_FEW_STRATA, groups / 2):
            raise ValueError(
                f"A split is stratified by a column of few values. Received {self.by!r} with {len(self.strata)} values "
                f"in {groups} groups. Choose a label, or put the numbers into a few bins first."
            )

    def groups(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each group, ascending by hash: `(keys, its stratum, its records)`."""
        keys, codes, counts = self._done
        # The order of first sight depends on the order of the rows, so ties go by the stratum's hash.
        ranks = np.argsort(np.argsort([int.from_bytes(digest(stratum, 4), "little") for stratum in self.strata]))
        order = np.lexsort((ranks[codes] if len(codes) else codes, -counts, keys))
        unique, first = np.unique(keys[order], return_index=True)
        sums = np.add.reduceat(counts[order], first) if len(first) else counts
        return unique, codes[order][first], sums
