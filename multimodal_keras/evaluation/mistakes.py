"""The records that a model is most wrong about, in a form that can be looked at."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multimodal_keras.base import Parts, presence_name
from multimodal_keras.evaluation.answers import Collected
from multimodal_keras.evaluation.classification import ClassificationScores
from multimodal_keras.evaluation.multilabel import MultiLabelScores
from multimodal_keras.evaluation.regression import RegressionScores
from multimodal_keras.evaluation.scores import Scores
from multimodal_keras.runtime.raw import pick

LONGEST_TEXT = 240
ABSENT = "(absent)"


@dataclass(frozen=True)
class Mistake:
    """One record with a high loss.

    Attributes:
        record: its number in the evaluated records, from 1.
        loss: how bad the answer is; see the scores' `losses`.
        truth: the right answer, to read.
        answer: what the model answered, to read.
        chance: the probability that the model gave its answer; None for other tasks than classification.
        texts: field to what the record holds, to read; cut after 240 characters.
        images: field to pixels, `uint8 (height, width, 3)`.
    """

    record: int
    loss: float
    truth: str
    answer: str
    chance: float | None
    texts: dict[str, str]
    images: dict[str, np.ndarray] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pixels."""
        return {name: value for name, value in vars(self).items() if name != "images"}


def mistakes(
    collected: Collected, scored: Mapping[str, Scores], found: Parts, records: Iterable[Mapping[str, Any]] | None
) -> dict[str, list[Mistake]]:
    """The worst records of each task, highest loss first.

    Args:
        collected: the answers, with the inputs of the worst records.
        scored: task to its scores.
        found: the parts of the model.
        records: what was evaluated, for the texts; None if there are tensors only.
    """
    wanted = {row for task in scored for row, _ in collected.worst[task]}
    raw = {} if records is None else _pick(records, wanted)
    table: dict[str, list[Mistake]] = {}
    for task, scores in scored.items():
        place = np.cumsum(collected.answers[task].labelled) - 1
        losses = scores.losses()
        table[task] = []
        for row, inputs in collected.worst[task]:
            at = int(place[row])
            words = in_words(scores, at)
            texts, images = _texts(raw.get(row), inputs, found), _images(inputs, found)
            table[task].append(Mistake(row + 1, float(losses[at]), *words, texts, images))
    return table


def in_words(scores: Scores, at: int) -> tuple[str, str, float | None]:
    """The truth, the answer, and the probability of the answer, for one labelled record."""
    if isinstance(scores, ClassificationScores):
        answer = int(scores.answer[at])
        return scores.labels[scores.truth[at]], scores.labels[answer], float(scores.chances[at, answer])
    if isinstance(scores, MultiLabelScores):
        true, given = (
            ", ".join(itertools.compress(scores.labels, row)) or "(none)"
            for row in (scores.truth[at], scores.answer[at])
        )
        return true, given, None
    if isinstance(scores, RegressionScores):
        return f"{scores.truth[at]:.4g}", f"{scores.answer[at]:.4g}", None
    raise TypeError(f"Scores are of a known kind. Received {type(scores).__name__}. Add its words here.")


def _pick(records: Iterable[Mapping[str, Any]], wanted: set[int]) -> dict[int, Mapping[str, Any]]:
    if not wanted:
        return {}
    first = itertools.islice(records, max(wanted) + 1)
    return {row: record for row, record in enumerate(first) if row in wanted}


def _texts(record: Mapping[str, Any] | None, inputs: Mapping[str, np.ndarray], found: Parts) -> dict[str, str]:
    texts = {}
    for name, modality in found.modalities.items():
        if _absent(name, inputs):
            texts[name] = ABSENT
        elif record is not None and modality.kind != "image":
            value = pick(record, name, modality.columns)
            if isinstance(value, Mapping):
                value = ", ".join(f"{column}: {cell}" for column, cell in value.items() if cell is not None)
            value = value.decode("utf-8", "replace") if isinstance(value, bytes) and modality.kind == "text" else value
            if isinstance(value, (str, int, float)):
                text = str(value)
                texts[name] = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    return texts


def _images(inputs: Mapping[str, np.ndarray], found: Parts) -> dict[str, np.ndarray]:
    return {
        name: inputs[name]
        for name, modality in found.modalities.items()
        if modality.kind == "image" and not _absent(name, inputs) and _is_picture(inputs[name])
    }


def _absent(name: str, inputs: Mapping[str, np.ndarray]) -> bool:
    return not inputs.get(presence_name(name), True)


def _is_picture(tensor: np.ndarray) -> bool:
    return tensor.dtype == np.uint8 and tensor.ndim == 3 and tensor.shape[-1] == 3
