"""Resizing in integers with numpy: the definition that ``modalities/resize_graph.py`` repeats in TensorFlow."""

from __future__ import annotations

import numpy as np

RESIZES = ("stretch", "crop", "pad")
MAX_GOAL = 8192  # so that no sum below leaves 64 bits


def check_picture_request(size: tuple[int, int], resize: str, max_pixels: int = 1) -> None:
    """Raise ``ValueError`` where the arguments of ``decode_picture`` cannot be served (shared with the twin)."""
    if len(size) != 2 or not all(1 <= side <= MAX_GOAL for side in size):
        raise ValueError(
            f"size must be (height, width) from 1 to {MAX_GOAL} pixels. Received {size}. Give two whole numbers."
        )
    if resize not in RESIZES:
        raise ValueError(f"resize must be one of {', '.join(RESIZES)}. Received {resize!r}. Choose one of these.")
    if max_pixels < 1:
        raise ValueError(f"max_pixels must be at least 1. Received {max_pixels}. Give the largest picture.")


def used_region(height: int, width: int, size: tuple[int, int], resize: str) -> tuple[int, int, int, int]:
    """Height and width of the middle part that is used, and the height and width that it is resized to."""
    goal_height, goal_width = size
    wide, high = width * goal_height, height * goal_width
    if resize == "crop":
        if wide > high:
            return height, max(1, high // goal_height), goal_height, goal_width
        return max(1, wide // goal_width), width, goal_height, goal_width
    if resize == "pad":
        if wide > high:
            return height, width, max(1, (2 * high + width) // (2 * width)), goal_width
        return height, width, goal_height, max(1, (2 * wide + height) // (2 * height))
    return height, width, goal_height, goal_width


def block_factor(region: tuple[int, int, int, int]) -> int:
    """Side of the blocks whose mean is taken first, in pixels (at least 1)."""
    return max(1, min(region[0] // region[2], region[1] // region[3]))


def _block_mean(pixels: np.ndarray, factor: int) -> np.ndarray:
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    rows = np.zeros((height, width * factor, 3), np.uint16 if factor <= 257 else np.uint32)
    for offset in range(factor):
        rows += pixels[offset : height * factor : factor, : width * factor]
    total = np.zeros((height, width, 3), np.int64)
    for offset in range(factor):
        total += rows[:, offset::factor]
    return ((2 * total + factor**2) // (2 * factor**2)).astype(np.uint8)


def _taps(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower and upper source index and the upper one's weight, of ``2 * new``, for each new place."""
    place = (2 * np.arange(new, dtype=np.int64) + 1) * old - new
    lower = place // (2 * new)
    return np.clip(lower, 0, old - 1), np.clip(lower + 1, 0, old - 1), place - lower * (2 * new)


def _bilinear(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    top, bottom, down = _taps(pixels.shape[0], height)
    left, right, across = _taps(pixels.shape[1], width)
    down, across = down[:, None, None], across[None, :, None]
    corners = [pixels[np.ix_(y, x)].astype(np.int64) for y in (top, bottom) for x in (left, right)]
    upper = corners[0] * (2 * width - across) + corners[1] * across
    under = corners[2] * (2 * width - across) + corners[3] * across
    whole = 4 * height * width
    return ((2 * (upper * (2 * height - down) + under * down) + whole) // (2 * whole)).astype(np.uint8)


def resize_pixels(pixels: np.ndarray, size: tuple[int, int], resize: str = "stretch") -> np.ndarray:
    """Resize decoded pixels as the definition says: a mean over whole blocks, then bilinear, in integers.

    Args:
        pixels: ``uint8 (height, width, 3)``.
        size: wanted ``(height, width)``, pixels.
        resize: ``"stretch"``, ``"crop"`` (centre) or ``"pad"`` (white).

    Returns:
        ``uint8 (*size, 3)``.

    Raises:
        ValueError: an argument is out of its range.
    """
    check_picture_request(size, resize)
    region = used_region(pixels.shape[0], pixels.shape[1], size, resize)
    y, x = (pixels.shape[0] - region[0]) // 2, (pixels.shape[1] - region[1]) // 2
    pixels = pixels[y : y + region[0], x : x + region[1]]
    factor = block_factor(region)
    small = _block_mean(pixels, factor) if factor > 1 else pixels
    if small.shape[:2] != region[2:]:
        small = _bilinear(small, region[2], region[3])
    if small.shape[:2] == tuple(size):
        return small
    padded = np.full((*size, 3), 255, np.uint8)
    y, x = (size[0] - small.shape[0]) // 2, (size[1] - small.shape[1]) // 2
    padded[y : y + small.shape[0], x : x + small.shape[1]] = small
    return padded
