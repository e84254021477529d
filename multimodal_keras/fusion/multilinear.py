"""Products in which every unit of each modality meets every unit of all others."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from keras import ops

MOST_ENTRIES = 1_000_000


def check_entries(sizes: Iterable[int], name: str) -> int:
    """The number of entries of an outer product of vectors of these sizes, if it is one that can be computed.

    Raises:
        ValueError: if it is larger than a million.
    """
    sizes = list(sizes)
    entries = prod(sizes)
    if entries > MOST_ENTRIES:
        raise ValueError(
            f"The outer product over all modalities has at most {MOST_ENTRIES} entries. Received {len(sizes)} modalities of "
            f"{sizes[0]} units, {entries} entries. Lower {name}, or choose a fusion whose cost does not multiply, such as "
            "LowRankTensorFusion."
        )
    return entries


def outer_product(vectors: Iterable[Any]) -> Any:
    """The outer product of vectors, flat.

    Args:
        vectors: `(..., size)` each, with the same leading dimensions.

    Returns:
        `(..., product of sizes)`; the last vector's entries vary fastest.
    """
    joined = None
    for vector in vectors:
        if joined is None:
            joined = vector
            continue
        table = ops.expand_dims(joined, -1) * ops.expand_dims(vector, -2)
        joined = ops.reshape(table, (-1, *table.shape[1:-2], table.shape[-2] * table.shape[-1]))
    return joined
