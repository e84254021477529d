"""Measure how a model holds out against noise and missing modalities, through whatever answers records."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimodal_keras.data import Records, read
from multimodal_keras.errors import DataError, Origin
from multimodal_keras.evaluation.bootstrap import draw, percentiles
from multimodal_keras.evaluation.kinds import scores_for
from multimodal_keras.evaluation.scores import Scores
from multimodal_keras.evaluation.subsets import subsets_of
from multimodal_keras.perturbing.curves import Curve, check_strengths
from multimodal_keras.perturbing.noises import NOISES, Noise
from multimodal_keras.perturbing.result import Robustness, SubsetScore
from multimodal_keras.perturbing.truth import Truth, truths
from multimodal_keras.prediction import load_predictor
from multimodal_keras.runtime.predicting import Predictor, read_raw
from multimodal_keras.runtime.raw import absent, is_absent, raw_spec, stacked

RawRecord = Mapping[str, Any]


def robustness(
    source: Any,
    records: Any,
    *,
    noises: Mapping[str, Sequence[str]] | None = None,
    strengths: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
    bootstrap: int = 200,
    batch_size: int = 64,
    seed: int = 0,
) -> Robustness:
    """How far a model's metrics fall when its modalities get noisy or are missing.

    Noise is put on what a client would send, so that a model in memory and what was exported from it are measured alike.
    Each record gets the same noise in every model, so curves of two models can be compared.

    Args:
        source: a model, a run folder, a folder with a SavedModel, or a `.tflite` file.
        records: labelled test records: `Records`, or anything that `data.read` takes.
        noises: field to the names of its noises; by default all that are known for its kind. Text: `typos`, `word_drop`,
            `word_swap`; pictures: `gaussian`, `blur`, `occlusion`, `jpeg`, `mixed`; sound: `hiss`, `band_loss`; tables:
            `missing_cells`; time series: `gaps`, `gaussian`; vectors and points: `gaussian`; symbol sequences: `typos`.
        strengths: above 0 and at most 1; `NOISES` says what they mean for each noise. 0 is measured as well.
        bootstrap: how many resamples for the 95 % intervals; 0 for none.
        batch_size: records in a call.
        seed: of the noise and of the resamples.

    Returns:
        `Robustness`: a curve for each task, field and noise; a score for each subset of modalities.

    Raises:
        ValueError: for an unknown field or noise, a number out of its range, or records without a label.
        DataError: for a record that cannot be used.

    Reference:
        Liang et al., MultiBench: Multiscale Benchmarks for Multimodal Representation Learning (arXiv:2107.07502).
    """
    levels = check_strengths(strengths)
    for name, number, least in (("bootstrap", bootstrap, 0), ("batch_size", batch_size, 1), ("seed", seed, 0)):
        if number < least:
            raise ValueError(f"{name} is at least {least}. Received {number!r}. Raise it.")
    with load_predictor(source) as predictor:
        chosen = _chosen(predictor.contract["modalities"], noises)
        records = records if isinstance(records, Records) else read(records)
        judge = _Judge(predictor, records, batch_size, bootstrap, seed)
        clean = judge.scores(judge.raws)
        curves = [
            curve
            for field, found in chosen.items()
            for noise in found
            for curve in judge.curves(field, noise, levels, clean)
        ]
        return Robustness(len(judge.raws), curves, judge.subsets(clean), {"strengths": list(levels), "seed": seed})


@dataclass(frozen=True)
class _Point:
    value: float
    low: float | None
    high: float | None


class _Judge:
    """Asks one predictor about worse and worse versions of the same records."""

    def __init__(self, predictor: Predictor, records: Records, batch_size: int, bootstrap: int, seed: int) -> None:
        self._predictor, self._batch_size, self._bootstrap, self._seed = predictor, batch_size, bootstrap, seed
        self.raws, rows, origins = _read(predictor.contract, records)
        self._truths = _truths(predictor.contract["tasks"], rows, origins)
        if not self._truths:
            known = ", ".join(sorted(predictor.contract["tasks"]))
            raise ValueError(
                f"Robustness is of labelled records. Received none with a label for {known}. Add the column."
            )

    def scores(self, raws: Sequence[RawRecord]) -> dict[str, _Point]:
        """Task to its first headline metric, with its interval."""
        outputs = self._outputs(raws)
        return {task: self._point(truth, outputs[task]) for task, truth in self._truths.items()}

    def curves(self, field: str, noise: Noise, levels: Sequence[float], clean: Mapping[str, _Point]) -> list[Curve]:
        """One for each task."""
        points = [clean, *(self.scores(self._noisy(field, noise, level)) for level in levels[1:])]
        return [
            Curve(
                task,
                truth.metric,
                field,
                noise.name,
                tuple(levels),
                tuple(point[task].value for point in points),
                tuple(point[task].low for point in points),
                tuple(point[task].high for point in points),
                truth.lower_is_better,
            )
            for task, truth in self._truths.items()
        ]

    def subsets(self, clean: Mapping[str, _Point]) -> list[SubsetScore]:
        """The metric from every subset of modalities that the model is defined for; all of them last."""
        fields = self._predictor.contract["modalities"]
        found = []
        for subset in subsets_of(fields, [field for field, facts in fields.items() if facts["optional"]]):
            if subset.reason is not None:
                continue
            everything = len(subset.fields) == len(fields)
            points = clean if everything else self.scores([self._only(raw, subset.fields) for raw in self.raws])
            found += [
                SubsetScore(task, truth.metric, subset.fields, points[task].value, points[task].low, points[task].high)
                for task, truth in self._truths.items()
            ]
        return found

    def _only(self, raw: RawRecord, fields: Sequence[str]) -> RawRecord:
        known = self._predictor.contract["modalities"]
        return {field: value if field in fields else absent(raw_spec(known[field])) for field, value in raw.items()}

    def _noisy(self, field: str, noise: Noise, strength: float) -> list[RawRecord]:
        # Of the noise's name too: two noises of one record do not draw the same numbers.
        salt = zlib.crc32(f"{field}/{noise.name}".encode())
        worse = []
        for number, raw in enumerate(self.raws):
            if is_absent(raw[field]):
                worse.append(raw)
                continue
            random = np.random.default_rng((self._seed, salt, number))
            worse.append({**raw, field: noise.apply(raw[field], strength, random)})
        return worse

    def _outputs(self, raws: Sequence[RawRecord]) -> dict[str, np.ndarray]:
        fields = self._predictor.contract["modalities"]
        found: list[dict[str, np.ndarray]] = []
        for start in range(0, len(raws), self._batch_size):
            part = raws[start : start + self._batch_size]
            batch = {field: stacked([raw[field] for raw in part], raw_spec(facts)) for field, facts in fields.items()}
            found.append(self._predictor.outputs(batch))
        return {task: np.concatenate([outputs[task] for outputs in found]) for task in self._truths}

    def _point(self, truth: Truth, predicted: np.ndarray) -> _Point:
        scores: Scores = scores_for(truth.kind)(truth.targets, predicted[truth.labelled], truth.labels)
        count, metric = len(truth.targets), truth.metric
        value = scores.resampled(np.ones(count), [metric])[metric]
        low, high, _ = percentiles(draw(scores, count, [metric], self._bootstrap, self._seed)[metric])
        return _Point(float(value), low, high)


def _chosen(fields: Mapping[str, Any], wished: Mapping[str, Sequence[str]] | None) -> dict[str, list[Noise]]:
    if not isinstance(wished or {}, Mapping) or any(isinstance(names, str) for names in (wished or {}).values()):
        raise ValueError(
            f"noises is a field to a list of names. Received {wished!r}. Pass for instance {{'title': ['typos']}}."
        )
    strangers = sorted(set(wished or {}) - set(fields))
    if strangers:
        raise ValueError(
            f"Noise is for the model's fields: {', '.join(sorted(fields))}. Received {', '.join(strangers)}. Rename it."
        )
    chosen = {}
    for field in sorted(fields if wished is None else wished):
        known = NOISES.get(fields[field]["kind"], {})
        names = sorted(known) if wished is None else list(wished[field])
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(
                f"The noises of {field} ({fields[field]['kind']}) are {', '.join(sorted(known)) or 'none'}. Received "
                f"{', '.join(unknown)}. Choose among them, or register your own."
            )
        chosen[field] = [known[name] for name in names]
    return chosen


def _truths(
    tasks: Mapping[str, Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], origins: Sequence[Origin]
) -> dict[str, Truth]:
    """The right answers; an error names the record that has a wrong one."""
    try:
        return truths(tasks, rows)
    except ValueError as error:
        for origin, row in zip(origins, rows, strict=True):
            for task, facts in tasks.items():
                try:
                    truths({task: facts}, [row])
                except ValueError as reason:
                    raise DataError(str(reason), origin, task) from error
        raise


def _read(
    contract: Mapping[str, Any], records: Records
) -> tuple[list[RawRecord], list[Mapping[str, Any]], list[Origin]]:
    raws: list[RawRecord] = []
    rows: list[Mapping[str, Any]] = []
    origins: list[Origin] = []
    for origin, record in records.attempts():
        if isinstance(record, DataError):
            raise record
        raw = read_raw(contract, origin, record, records.folder)
        if isinstance(raw, DataError):
            raise raw
        raws.append(raw)
        rows.append(record)
        origins.append(origin)
    return raws, rows, origins
