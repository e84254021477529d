"""What can go wrong with a value, as functions of its strength: each kind of field has its own noises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from multimodal_keras.runtime.raw import Raw


@dataclass(frozen=True)
class Noise:
    """One way in which the raw values of one kind of field get worse.

    Attributes:
        name: such as `"typos"`.
        kind: of the fields that it is for.
        strength: what the strength from 0 to 1 means, in words.
        apply: from a raw value, the strength above 0, and a generator of random numbers to the worse raw value.
    """

    name: str
    kind: str
    strength: str
    apply: Callable[[Raw, float, np.random.Generator], Raw]


NOISES: dict[str, dict[str, Noise]] = {}


def register_noise(noise: Noise) -> Noise:
    """Make a noise known to `robustness`.

    Raises:
        ValueError: if another noise of its kind has its name.
    """
    known = NOISES.setdefault(noise.kind, {})
    if known.setdefault(noise.name, noise) is not noise:
        raise ValueError(
            f"A noise's name is taken once for each kind. Received {noise.name!r}, which is known. Rename it."
        )
    return noise
