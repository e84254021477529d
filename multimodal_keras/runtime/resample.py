"""Another sampling rate by a windowed sinc, as one matrix product; ``modalities/resample_graph.py`` is its twin.

With source and target in lowest terms M : L, sample n of the answer stands at n * M / L of the source. Of every L of them
(a row) the weights are the same, and the next row begins M samples later: rows of the source times a matrix.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

CROSSINGS = 16  # zero crossings of the sinc on each side
BETA = 8.6  # of the Kaiser window
MAX_WEIGHTS = 2**22


class Ratio(NamedTuple):
    """How one rate becomes another.

    Attributes:
        up: samples of the answer in a row.
        down: samples of the source by which rows are apart.
        reach: samples of the source that count on each side.
        taps: samples of the source in a row, `down + 2 * reach`.
    """

    up: int
    down: int
    reach: int
    taps: int


def ratio_of(rate: int, goal: int) -> Ratio:
    """The ratio between two rates, in Hz.

    Rows are made longer where they overlap much, which saves memory and changes no number.

    Raises:
        ValueError: if the rates have so little in common that the matrix would be huge.
    """
    common = math.gcd(rate, goal)
    up, down = goal // common, rate // common
    reach = -(-CROSSINGS * max(up, down) // up)
    rows = max(1, 2 * reach // down)
    ratio = Ratio(rows * up, rows * down, reach, rows * down + 2 * reach)
    if ratio.up * ratio.taps > MAX_WEIGHTS:
        raise ValueError(f"{wrong_rate(goal)} Received a rate of {rate} Hz.")
    return ratio


def wrong_rate(goal: int) -> str:
    """The rule of an error."""
    return f"A sound's rate must have a large divisor in common with {goal} Hz. Send another rate, such as {goal}."


# A matrix takes 16 MB at most and 1 MB mostly, and longer to make than to use.
@functools.lru_cache(maxsize=4)
def weights(ratio: Ratio) -> np.ndarray:
    """`float32 (taps, up)`: what each sample of a row of the source adds to each of the answer."""
    common = math.gcd(ratio.up, ratio.down)
    up, down = ratio.up // common, ratio.down // common
    wide = max(up, down)
    place = np.arange(-CROSSINGS * wide, CROSSINGS * wide + 1) / (CROSSINGS * wide)
    window = np.i0(BETA * np.sqrt(1 - place**2)) / np.i0(BETA)
    prototype = np.append(np.sinc(CROSSINGS * place) * window * up / wide, 0.0).astype(np.float32)
    distance = np.arange(ratio.up) * down - (np.arange(ratio.taps)[:, None] - ratio.reach) * up
    index = np.where(abs(distance) <= CROSSINGS * wide, distance + CROSSINGS * wide, -1)
    return prototype[index]


def resampled_length(length: int, rate: int, goal: int) -> int:
    """How many samples a sound has at another rate."""
    return -(-length * goal // rate)


def needed(ratio: Ratio, first: int, count: int) -> tuple[int, int, int]:
    """What of the source some samples of the answer need.

    Args:
        ratio: of the rates.
        first: the first sample of the answer.
        count: how many.

    Returns:
        The first sample of the source (may be negative: zeros stand around a sound), how many, and how many rows.
    """
    row, last = first // ratio.up, (first + count - 1) // ratio.up
    rows = last - row + 1
    return row * ratio.down - ratio.reach, (rows - 1) * ratio.down + ratio.taps, rows


def apply(source: np.ndarray, ratio: Ratio, first: int, count: int) -> np.ndarray:
    """The samples of the answer from the source's that `needed` named, `float32 (count,)`."""
    rows = np.lib.stride_tricks.sliding_window_view(source, ratio.taps)[:: ratio.down]
    return (rows @ weights(ratio)).reshape(-1)[first % ratio.up :][:count]
