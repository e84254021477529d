"""Whose the numbers are: tokens and their places, columns, frames, steps, points, of one field of one record."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimodal_keras.attributing.fading import EMBEDDING, FEATURES, TOKENS
from multimodal_keras.base import Encoder, Modality
from multimodal_keras.runtime.columns import in_tensor
from multimodal_keras.runtime.sequence import split_symbols, symbols_needed
from multimodal_keras.runtime.text import token_spans


@dataclass(frozen=True)
class Part:
    """A part of a field, and what it added to the answer.

    Attributes:
        name: a token, symbols, a column, or a number from 1 (a step, a frame, a point, a place in a vector).
        value: its attribution, in units of a probability or of the value.
        start: where it begins: in characters of a text, in symbols of a sequence, in seconds of a sound. None elsewhere.
        end: where it ends, likewise.
    """

    name: str
    value: float
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Content:
    """One field of one record as the model got it.

    Attributes:
        modality: of the field.
        encoder: of the field.
        raw: what a client would send.
        tensor: what a device would send.
        steps: how many of its steps count; None where all do.
    """

    modality: Modality
    encoder: Encoder
    raw: Any
    tensor: np.ndarray
    steps: int | None

    def shown(self) -> Any:
        """What a person wants to see beside attributions: a text, pixels, cells, or None."""
        if self.modality.kind in ("text", "sequence"):
            return self.raw.decode("utf-8", "replace")
        if self.modality.kind in ("image", "video"):
            return self.tensor
        if self.modality.kind == "tabular":
            return {
                name: cell.decode("utf-8", "replace")
                for name, cell in zip(self.modality.columns, self.raw, strict=True)
            }
        return None


Numbers = Mapping[str, np.ndarray]
Told = tuple[tuple[Part, ...], np.ndarray | None]


def tell(content: Content, numbers: Numbers) -> Told:
    """Parts, and a map where there is more than one axis.

    Args:
        content: the field.
        numbers: where a gate stands to the attributions of one record.

    Returns:
        `(parts, map)`: the map is `(steps, channels)`, `(frames, bands)`, `(height, width)` or `(frames, height, width)`.
    """
    return _KINDS.get(content.modality.kind, _numbered)(content, numbers)


def _numbered(content: Content, numbers: Numbers) -> Told:
    if FEATURES in numbers:
        values = numbers[FEATURES]
        return _rows(values.reshape(len(values), -1).sum(axis=1)[: content.steps]), None
    return _rows(_steps(content, numbers)[: content.steps]), None


def _rows(values: np.ndarray) -> tuple[Part, ...]:
    return tuple(Part(str(number), float(value)) for number, value in enumerate(values, 1))


def _steps(content: Content, numbers: Numbers) -> np.ndarray:
    """One attribution for each id; where an encoder counted them, each has its share of what their number did."""
    if EMBEDDING in numbers:
        return numbers[EMBEDDING]
    counted, ids = numbers[TOKENS][0], content.tensor.astype(int)
    first = content.encoder.first_counted_id or 0
    known = (ids >= first) & (ids < first + len(counted))
    often = np.bincount(ids, minlength=1)[ids]
    return np.where(known, counted[np.where(known, ids - first, 0)] / often, 0.0)


def _text(content: Content, numbers: Numbers) -> Told:
    modality: Any = content.modality
    spans = [span for span in token_spans(content.raw, modality.unit) if span[0] not in modality.stop_words]
    values = _steps(content, numbers)
    return tuple(
        Part(name, float(value), start, end) for (name, start, end), value in zip(spans, values, strict=False)
    ), None


def _sequence(content: Content, numbers: Numbers) -> Told:
    modality: Any = content.modality
    symbols = split_symbols(content.raw, modality.unit)
    needed = symbols_needed(modality.sequence_length, modality.k, modality.stride)
    first = max(len(symbols) - needed, 0) if modality.keep == "end" else 0
    joint = "" if modality.unit == "character" else " "
    parts = []
    for step, value in enumerate(_steps(content, numbers)[: content.steps]):
        start = first + step * modality.stride
        parts.append(Part(joint.join(symbols[start : start + modality.k]), float(value), start, start + modality.k))
    return tuple(parts), None


def _table(content: Content, numbers: Numbers) -> Told:
    modality: Any = content.modality
    spec, values = modality.feature_spec(), []
    place = categories = 0
    for column in spec.columns:
        if column.cardinality is not None:
            values.append(float(numbers[EMBEDDING][categories]))
            categories += 1
        else:
            values.append(float(numbers[FEATURES][place : place + column.size].sum()))
            place += column.size
    found = dict(zip((column.name for column in in_tensor(modality.described)), values, strict=True))
    return tuple(Part(name, found[name]) for name in modality.columns), None


def _series(content: Content, numbers: Numbers) -> Told:
    modality: Any = content.modality
    values = numbers[FEATURES][: content.steps]
    # Whether a channel has a gap is about the channel.
    table = values.reshape(len(values), -1, modality.channels).sum(axis=1)
    return _rows(table.sum(axis=1)), table


def _sound(content: Content, numbers: Numbers) -> Told:
    modality: Any = content.modality
    values = numbers[FEATURES][: content.steps]
    seconds = modality.spectrum.hop_length / modality.sampling_rate
    digits = max(0, math.ceil(-math.log10(seconds)))
    parts = [
        Part(f"{step * seconds:.{digits}f} s", float(value), step * seconds, (step + 1) * seconds)
        for step, value in enumerate(values.sum(axis=1))
    ]
    return tuple(parts), values


def _picture(content: Content, numbers: Numbers) -> Told:
    return (), numbers[FEATURES][..., 0]


def _video(content: Content, numbers: Numbers) -> Told:
    values = numbers[FEATURES][..., 0]
    return _rows(values.sum(axis=(1, 2))), values


_KINDS: dict[str, Callable[[Content, Numbers], Told]] = {
    "text": _text,
    "sequence": _sequence,
    "tabular": _table,
    "timeseries": _series,
    "audio": _sound,
    "image": _picture,
    "video": _video,
}
