"""What nothing beats in two respects at once."""

from __future__ import annotations

from collections.abc import Mapping


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """The points of which no other one is at least as low in both coordinates, and lower in one.

    Args:
        points: name to two numbers, both the better the lower.

    Returns:
        Their names, by the first coordinate.

    Example:

    >>> pareto_front({"fast": (0.5, 1.0), "good": (0.1, 9.0), "neither": (0.6, 2.0)})
    ['good', 'fast']
    """
    front: list[str] = []
    lowest = float("inf")
    kept = (float("nan"), float("nan"))
    for name, point in sorted(points.items(), key=lambda item: (item[1], item[0])):
        if point[1] < lowest or point == kept:
            front.append(name)
            lowest, kept = point[1], point
    return front
