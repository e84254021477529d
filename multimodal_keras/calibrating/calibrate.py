"""Calibrate a model on records that it was not trained on. Nothing is trained, and equal records give equal numbers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from multimodal_keras.base import Parts, parts
from multimodal_keras.base.graph import answers_of
from multimodal_keras.base.parts import output_of
from multimodal_keras.base.unusual import ENERGY, MAHALANOBIS, EnergyScore, MahalanobisScore, Unusual
from multimodal_keras.calibrating.asking import Answer, Asked, ask
from multimodal_keras.calibrating.fitting import FLOAT32, fit_calibration, fit_limits
from multimodal_keras.calibrating.graph import UNUSUAL, assemble, with_limit
from multimodal_keras.calibrating.options import AUTO, NONE, CalibrationOptions, calibration_options
from multimodal_keras.data import Pipeline, Records, read
from multimodal_keras.runtime.signatures import OOD_SCORE

_MOST_OPTIONAL = 6
# A number of the fused vector that never changes says nothing, however little it differs.
_LEAST_DEVIATION = 1e-3


def calibrate(model: keras.Model, records: Any, **options: Any) -> keras.Model:
    """A model whose probabilities mean what they say, and that says how sure it is.

    Args:
        model: made by `build_model` and trained; a calibrated one is calibrated anew.
        records: labelled records that the model was not trained on: `Records`, or anything that `data.read` takes.
            They should come from where its future records come from: the promises hold for records like these. A task
            without any label in them stays as it is.
        **options: fields of `CalibrationOptions`, such as `coverage=0.9, precision=0.95, scaling="vector"`.

    Returns:
        A functional model over the same inputs and layers; the given one stays as it is. Its outputs: `<task>`, calibrated;
        `<task>_set`, `bool (batch, labels)`: the labels of which the truth is one as often as `coverage` says;
        `<task>_interval`, `(batch, 2)`: likewise for a number; `<task>_accepted`: whether an answer reaches the wished
        precision or recall; and `ood_score`, `(batch, 1)`, above 0 for unusual records. Each is left out where it was
        not asked for.

    Raises:
        ValueError: for an unknown option or one without effect, too few records, none with a label, or more
            than 6 optional modalities with `by_presence`.
        DataError: for a record that cannot be used.

    Example:

    >>> import multimodal_keras as mk
    >>> records = mk.data.clipart().where(split="train").shard(0, 30)
    >>> model = mk.build_model({"title": mk.TextModality()}, {"subject": mk.ClassificationHead()}, adapt_to=records)
    >>> calibrated = mk.calibrate(model, mk.data.clipart().where(split="train").shard(0, 30), coverage=0.8)
    >>> sorted(calibrated.output)
    ['ood_score', 'subject', 'subject_set']
    """
    wished = calibration_options(options)
    found = parts(model)
    if wished.by_presence and len(found.optional) > _MOST_OPTIONAL:
        raise ValueError(
            f"Each combination of at most {_MOST_OPTIONAL} optional modalities is calibrated by itself. Received "
            f"{len(found.optional)}. Pass by_presence=False (--together), and all records are calibrated together."
        )
    outputs = {task: output_of(model, head) for task, head in found.heads.items()}
    outputs[OOD_SCORE] = output_of(model, found.fusion)
    asked = asked_of(answers_of(keras.Model(model.input, outputs)), records, model, wished)
    _check_labels(found, asked, wished)
    unusual = None
    if wished.ood is not None:
        unusual = _unusual(found, asked, wished)
        _replace_fused(asked, unusual)
    return _calibrated(model, asked, wished, unusual)


def recalibrate(model: keras.Model, answer: Answer, records: Any, *, stored: str = FLOAT32) -> keras.Model:
    """A calibrated model with the numbers that fit other answers, those of a quantized file for instance.

    Args:
        model: that `calibrate` made.
        answer: what the file of `raw_model(model)` answers: from inputs by name to outputs by name.
        records: as for `calibrate`, or a `Pipeline` over them; best the same ones.
        stored: the dtype in which the file keeps its numbers.

    Returns:
        The model with other numbers, by the same options. The score of unusual records keeps all but its limits.

    Raises:
        ValueError: if a calibrated task has no label in any record, or too few records have one.
    """
    found = parts(model)
    wished = options_of(found)
    asked = asked_of(answer, records, model, wished)
    if lacking := sorted(task for task in found.calibrations if not asked.labelled[task].any()):
        raise ValueError(
            f"A calibration is fitted again to records with labels. Received none with one for {', '.join(lacking)}. Label "
            "them, or pass refit=False to keep the numbers."
        )
    return _calibrated(model, asked, wished, found.unusual, stored)


def options_of(found: Parts) -> CalibrationOptions:
    """The options that a model was calibrated with."""
    options = [calibration.options for calibration in found.calibrations.values()]
    return calibration_options([*options, *([found.unusual.options] if found.unusual else [])][0])


def asked_of(answer: Answer, records: Any, model: keras.Model, options: CalibrationOptions) -> Asked:
    """The answers to calibration records, see `Asked`."""
    pipeline = records
    if not isinstance(pipeline, Pipeline):
        pipeline = Pipeline(records if isinstance(records, Records) else read(records), model, batch_size=64)
    with pipeline.errors():
        return ask(answer, pipeline.dataset(), parts(model), options.by_presence)


def _check_labels(found: Parts, asked: Asked, options: CalibrationOptions) -> None:
    """Refuse what was asked for and that no task could get."""
    if not any(labelled.any() for labelled in asked.labelled.values()) and (
        options.scaling != NONE or {options.coverage, options.precision, options.recall} != {None}
    ):
        raise ValueError(
            f"Probabilities, sets and acceptance are fitted to labels. Received no record with one for "
            f"{', '.join(sorted(found.heads))}. Label the records, or ask for unusual ones alone: coverage=None, "
            "scaling='none' (--coverage none --scaling none)."
        )
    if (options.precision or options.recall) and not any("labels" in head.contract() for head in found.heads.values()):
        raise ValueError(
            f"precision and recall are of answers that are labels. Received a model of {', '.join(sorted(found.heads))}, "
            "which has none. Leave them out."
        )


def _calibrated(
    model: keras.Model, asked: Asked, options: CalibrationOptions, unusual: Unusual | None, stored: str = FLOAT32
) -> keras.Model:
    made = {task: fit_calibration(task, head, asked, options, stored) for task, head in parts(model).heads.items()}
    calibrations = {task: calibration for task, calibration in made.items() if calibration is not None}
    if unusual is not None:
        unusual = with_limit(unusual, *fit_limits(asked, options, stored))
    if not calibrations and unusual is None:
        raise ValueError(
            "A calibration fits something: probabilities, sets, or a score. Received options and records for which there "
            "is nothing to fit. Label the records, or ask for coverage or ood."
        )
    return assemble(model, calibrations, unusual)


def _unusual(found: Parts, asked: Asked, options: CalibrationOptions) -> Unusual:
    """The score without its limits."""
    common: dict[str, Any] = {"options": options.to_dict(), "limit": [[0.0]], "records": [0], "name": UNUSUAL}
    heads = [head for head in found.heads.values() if head.has_energy]
    method = options.ood_score if options.ood_score != AUTO else ENERGY if heads else MAHALANOBIS
    if method == ENERGY:
        if not heads:
            raise ValueError(
                f"The energy is that of a head with labels. Received {', '.join(found.heads)}, which have none. Pass "
                "ood_score='mahalanobis', or ood=None."
            )
        score = EnergyScore(heads=[type(head).from_config(head.get_config()) for head in heads], **common)
        score.build((None, asked.outputs[0][OOD_SCORE].shape[-1]))
        for copy, head in zip(score.heads, heads, strict=True):
            copy.set_weights(head.get_weights())
        return score
    fused = [outputs[OOD_SCORE][usable] for outputs, usable in zip(asked.outputs, asked.usable, strict=True)]
    everything = np.concatenate(fused)
    chosen = [rows if len(rows) > 1 else everything for rows in fused]
    deviation = [np.maximum(rows.std(axis=0), _LEAST_DEVIATION) for rows in chosen]
    return MahalanobisScore(mean=[rows.mean(axis=0) for rows in chosen], deviation=deviation, **common)


def _replace_fused(asked: Asked, unusual: Unusual) -> None:
    """The fused vectors become scores."""
    count = len(asked.outputs)
    for number, outputs in enumerate(asked.outputs):
        fused = outputs[OOD_SCORE]
        pattern = np.tile(np.eye(count, dtype="float32")[number], (len(fused), 1)) if count > 1 else None
        outputs[OOD_SCORE] = np.asarray(unusual(fused, pattern))
