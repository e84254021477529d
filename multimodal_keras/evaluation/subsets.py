"""Which subsets of its modalities a model can answer from."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

SEPARATOR = "+"


@dataclass(frozen=True)
class Subset:
    """Some of a model's modalities.

    Attributes:
        fields: the record fields that are shown, sorted.
        lacking: the required fields that are not among them; a model is not defined without these.
    """

    fields: tuple[str, ...]
    lacking: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`"image+title"`: no field has a plus sign in its name."""
        return SEPARATOR.join(self.fields)

    @property
    def reason(self) -> str | None:
        """Why there are no metrics for it; None if there are."""
        if not self.lacking:
            return None
        return f"not defined: {' and '.join(self.lacking)} {'is' if len(self.lacking) == 1 else 'are'} required"


def subsets_of(fields: Iterable[str], optional: Iterable[str]) -> list[Subset]:
    """Every non-empty subset of modalities, small ones first, all of them last.

    Args:
        fields: the record fields of the modalities.
        optional: those that a record may lack.
    """
    names = sorted(fields)
    required = [name for name in names if name not in set(optional)]
    return [
        Subset(chosen, tuple(name for name in required if name not in chosen))
        for size in range(1, len(names) + 1)
        for chosen in itertools.combinations(names, size)
    ]
