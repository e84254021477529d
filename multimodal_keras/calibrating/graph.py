"""Put a calibration behind the heads of a model, and take it away again. No weight is added to those of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from multimodal_keras.base import parts
from multimodal_keras.base.calibration import ANSWER, Calibration, PresencePattern
from multimodal_keras.base.parts import PATTERN, output_of, presences
from multimodal_keras.base.unusual import Unusual
from multimodal_keras.runtime.signatures import OOD_SCORE, beside_name

UNUSUAL = "unusual"


def is_calibrated(model: keras.Model) -> bool:
    """Whether `calibrate` made this model."""
    found = parts(model)
    return bool(found.calibrations) or found.unusual is not None


def assemble(model: keras.Model, calibrations: Mapping[str, Calibration], unusual: Unusual | None) -> keras.Model:
    """The model with these behind its heads, in place of what may be there.

    Args:
        model: made by `build_model` or `calibrate`.
        calibrations: task to its calibration; a task that is left out keeps the head's answer.
        unusual: the score of the fused vector; None for none.

    Returns:
        A functional model over the same inputs and layers. It answers `<task>`, and beside it `<task>_set`,
        `<task>_interval`, `<task>_accepted` and `ood_score`, where there are such.
    """
    found = parts(model)
    rows = [calibration.records for calibration in calibrations.values()] + ([unusual.records] if unusual else [])
    # Behind modality dropout, so that a model that is cut between encoders and fusion has them too.
    pattern = PresencePattern(name=PATTERN)(presences(model)) if any(len(records) > 1 for records in rows) else None
    outputs: dict[str, Any] = {}
    for task, head in found.heads.items():
        answer = output_of(model, head)
        answered = {ANSWER: answer}
        if task in calibrations:
            answered = calibrations[task](answer, pattern)
            for kind in calibrations[task].outputs:
                name = beside_name(task, kind)
                outputs[name] = keras.layers.Identity(name=name, autocast=False)(answered[kind])
        outputs[task] = keras.layers.Identity(dtype="float32", name=task)(answered[ANSWER])
    if unusual is not None:
        score = unusual(output_of(model, found.fusion), pattern)
        outputs[OOD_SCORE] = keras.layers.Identity(dtype="float32", name=OOD_SCORE)(score)
    return keras.Model(model.input, outputs, name=model.name)


def raw_model(model: keras.Model) -> keras.Model:
    """A calibrated model before its calibration: the heads' own answers, and the score without its limits."""
    unusual = parts(model).unusual
    return assemble(model, {}, None if unusual is None else with_limit(unusual, [[0.0]], [0]))


def with_limit(unusual: Unusual, limit: Any, records: list[int]) -> Unusual:
    """The same score with other limits."""
    made = type(unusual).from_config({**unusual.get_config(), "limit": limit, "records": records, "name": UNUSUAL})
    made.build(unusual.fused_shape)
    made.set_weights(unusual.get_weights())
    return made
