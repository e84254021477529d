"""The grid of cells that a network makes of a picture."""

from __future__ import annotations

import math
from typing import Any


def closest_grid(cells: int, features_shape: Any) -> tuple[int, int] | None:
    """Rows and columns of so many cells, of nearly the aspect of the picture.

    Args:
        cells: how many there are.
        features_shape: `(batch, height, width, channels)`.

    Returns:
        The rows and columns; None if no grid of so many cells has cells less than twice as high as wide, or as wide as high.

    Example:

    >>> closest_grid(28, (None, 100, 50, 3)), closest_grid(197, (None, 224, 224, 3))
    ((7, 4), None)
    """
    height, width = features_shape[1:3]
    grids = [(rows, cells // rows) for rows in range(1, cells + 1) if cells % rows == 0]
    stretched = {(rows, columns): abs(math.log(height / rows * columns / width)) for rows, columns in grids}
    best = min(stretched, key=lambda grid: stretched[grid], default=None)
    return best if best is not None and stretched[best] < math.log(2) else None
