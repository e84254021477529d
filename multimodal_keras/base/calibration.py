"""What stands in the graph behind a head once a model is calibrated: scaled answers, sets, intervals, acceptance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.registry import register

ANSWER, SET, INTERVAL, ACCEPTED = "answer", "set", "interval", "accepted"
LAC, APS, RAPS = "lac", "aps", "raps"

# Nothing below is told apart, so that no logarithm is infinite: a softmax in float32 reaches 1e-38, and 1 - p has no more
# digits than 1e-7. Whole numbers, which float16 files hold as well.
LEAST_LOG, LEAST_LOG_OF_BOTH = -70.0, -16.0


@register
class PresencePattern(keras.layers.Layer):
    """Which of the optional modalities a record has, as one out of all `2 ** fields` patterns.

    Pattern `n` has the i-th field, sorted by name, if the i-th bit of `n` is set: 0 has none of them, the last one all.

    Call arguments:
        present: dict of field to `bool (batch,)`.

    Returns:
        One-hot, `float32 (batch, patterns)`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, present: dict[str, Any]) -> Any:
        names = sorted(present)
        number = sum(ops.cast(present[name], "int32") * 2**bit for bit, name in enumerate(names))
        return ops.cast(ops.equal(ops.expand_dims(number, 1), ops.arange(2 ** len(names), dtype="int32")), "float32")

    def compute_output_spec(self, present: dict[str, Any]) -> Any:
        first = next(iter(present.values()))
        return keras.KerasTensor((first.shape[0], 2 ** len(present)), dtype="float32")


class Calibration(keras.layers.Layer):
    """Base class of what stands behind one head. It has no weights: its numbers are its config, and constants in the graph.

    Args:
        options: how the numbers were fitted, see `calibrating.CalibrationOptions`.
        numbers: tables with one row for each presence pattern, or a single one for all of them.
        records: how many records each row was fitted on.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        predicted: the head's answer, `float32 (batch, outputs)`.
        pattern: `float32 (batch, patterns)` of `PresencePattern`; None where there is one row.

    Returns:
        A dict of `"answer"`, `float32 (batch, outputs)`, and of what else there is, see `outputs`.
    """

    def __init__(
        self, *, options: Mapping[str, Any], numbers: Mapping[str, Any], records: Sequence[int], **kwargs: Any
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.options = dict(options)
        self.numbers = {name: listed(table) for name, table in numbers.items()}
        self.records = [int(count) for count in records]

    @property
    def outputs(self) -> tuple[str, ...]:
        """What `call` answers beside `"answer"`: some of `"set"`, `"interval"`, `"accepted"`."""
        raise NotImplementedError

    def contract(self) -> dict[str, Any]:
        """JSON-able facts for a client: what was promised, and on how many records it was fitted."""
        return {**self.options, "records": self.records, "numbers": self.numbers}

    def row(self, name: str, pattern: Any) -> Any:
        """The numbers of one table that belong to each record: `(batch or 1, width)`."""
        return row_of(self.numbers[name], pattern)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "options": self.options,
            "numbers": self.numbers,
            "records": self.records,
        }


@register
class LabelCalibration(Calibration):
    """Scales the probabilities of a head with labels, and answers a conformal set and whether to accept.

    Scaling works on logarithms of probabilities instead of logits. For a softmax that is the same: `log p` is the logit
    minus one number for all labels, which the next softmax takes away again. For a sigmoid the logit is
    `log p - log (1 - p)`.

    Args:
        single: whether exactly one label is right (softmax), or any number (sigmoid).
        **kwargs: those of `Calibration`. `numbers` has `slope` and `offset`, `(patterns, labels or 1)`; perhaps `limit`,
            `(patterns, labels)`: labels whose conformal score is at most that are in the set; and perhaps `threshold`,
            `(patterns, labels)`: an answer is accepted from this calibrated probability on.

    Returns:
        `"answer"`: calibrated probabilities `float32 (batch, labels)`; `"set"`: `bool (batch, labels)`; `"accepted"`:
        `bool (batch,)` for a single label, `bool (batch, labels)` otherwise.

    Reference:
        Guo et al., On Calibration of Modern Neural Networks (arXiv:1706.04599); Platt, Probabilistic Outputs for Support
        Vector Machines (1999).
    """

    def __init__(self, *, single: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.single = bool(single)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (*((SET,) if "limit" in self.numbers else ()), *((ACCEPTED,) if "threshold" in self.numbers else ()))

    def call(self, predicted: Any, pattern: Any = None) -> dict[str, Any]:
        scaled = scaled_probabilities(predicted, self.row("slope", pattern), self.row("offset", pattern), self.single)
        answer = {ANSWER: scaled}
        if "limit" in self.numbers:
            # By the head's own probabilities: the promise holds whatever the scaling, which saw the same records.
            scores = conformal_scores(predicted, self.options if self.single else {"sets": LAC})
            answer[SET] = ops.less_equal(scores, self.row("limit", pattern))
        if "threshold" in self.numbers:
            enough = ops.greater_equal(scaled, self.row("threshold", pattern))
            if self.single:
                best = ops.greater_equal(scaled, ops.max(scaled, axis=-1, keepdims=True))
                enough = ops.any(ops.logical_and(best, enough), axis=-1)
            answer[ACCEPTED] = enough
        return answer

    def compute_output_spec(self, predicted: Any, pattern: Any = None) -> dict[str, Any]:
        spec = {ANSWER: keras.KerasTensor(predicted.shape, dtype="float32")}
        if "limit" in self.numbers:
            spec[SET] = keras.KerasTensor(predicted.shape, dtype="bool")
        if "threshold" in self.numbers:
            spec[ACCEPTED] = keras.KerasTensor(predicted.shape[:1] if self.single else predicted.shape, dtype="bool")
        return spec

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "single": self.single}


@register
class ValueCalibration(Calibration):
    """Answers a conformal interval around a number.

    Args:
        **kwargs: those of `Calibration`. `numbers` has perhaps `half_width`, `(patterns, 1)`, in the unit of the number.

    Returns:
        `"answer"`: the number as it was, `float32 (batch, 1)`; `"interval"`: its ends, `float32 (batch, 2)`.

    Reference:
        Lei et al., Distribution-Free Predictive Inference for Regression (arXiv:1604.04173).
    """

    @property
    def outputs(self) -> tuple[str, ...]:
        return (INTERVAL,) if "half_width" in self.numbers else ()

    def call(self, predicted: Any, pattern: Any = None) -> dict[str, Any]:
        if "half_width" not in self.numbers:
            return {ANSWER: predicted}
        half = self.row("half_width", pattern)
        return {ANSWER: predicted, INTERVAL: ops.concatenate([predicted - half, predicted + half], axis=-1)}

    def compute_output_spec(self, predicted: Any, pattern: Any = None) -> dict[str, Any]:
        spec = {ANSWER: keras.KerasTensor(predicted.shape, dtype="float32")}
        if "half_width" in self.numbers:
            spec[INTERVAL] = keras.KerasTensor((predicted.shape[0], 2), dtype="float32")
        return spec


def row_of(table: Any, pattern: Any) -> Any:
    """The row of a table that belongs to each record.

    A product and a sum, and neither a gather nor a matrix product, whose tables a quantizer would round to int8.

    Args:
        table: `(patterns, width)`; or `(1, width)`, for all patterns.
        pattern: one-hot, `float32 (batch, patterns)`; None with one row.

    Returns:
        `float32 (batch or 1, width)`.
    """
    rows = np.asarray(table, "float32")
    if pattern is None or len(rows) == 1:
        return ops.convert_to_tensor(rows[:1])
    return ops.sum(ops.expand_dims(pattern, -1) * ops.convert_to_tensor(rows[None]), axis=1)


def scaled_probabilities(predicted: Any, slope: Any, offset: Any, single: bool) -> Any:
    """Probabilities after `slope * logit + offset`.

    Args:
        predicted: probabilities, `(batch, labels)`.
        slope: `(batch or 1, labels or 1)`; one over the temperature.
        offset: likewise.
        single: whether they sum to 1.

    Returns:
        `float32 (batch, labels)`.
    """
    if single:
        return ops.softmax(_log(predicted, LEAST_LOG) * slope + offset, axis=-1)
    logits = _log(predicted, LEAST_LOG_OF_BOTH) - _log(1.0 - predicted, LEAST_LOG_OF_BOTH)
    return ops.sigmoid(logits * slope + offset)


def conformal_scores(predicted: Any, options: Mapping[str, Any]) -> Any:
    """How badly each label conforms to a record: the set holds the labels of low scores.

    Args:
        predicted: probabilities, `(batch, labels)`.
        options: `sets`, and for RAPS `penalty` and `free_labels`. `"lac"`: minus the logarithm of the label's probability,
            which gives the smallest sets. `"aps"`: the probability of this label and all that are at least as likely,
            which gives larger sets to harder records. `"raps"`: the same, and a penalty for each label ahead of it beyond
            the first `free_labels`.

    Returns:
        `float32 (batch, labels)`.

    Reference:
        Sadinle et al., Least Ambiguous Set-Valued Classifiers (arXiv:1609.00451); Romano et al., Classification with Valid
        and Adaptive Coverage (arXiv:2006.02544); Angelopoulos et al., Uncertainty Sets for Image Classifiers using
        Conformal Prediction (arXiv:2009.14193). Without their random tie-breaking, so that equal records get equal sets.
    """
    if options["sets"] == LAC:
        return -_log(predicted, LEAST_LOG)
    ahead = ops.cast(ops.expand_dims(predicted, 1) >= ops.expand_dims(predicted, 2), "float32")
    mass = ops.sum(ahead * ops.expand_dims(predicted, 1), axis=-1)
    if options["sets"] == APS:
        return mass
    return mass + options["penalty"] * ops.maximum(ops.sum(ahead, axis=-1) - options["free_labels"], 0.0)


def _log(chances: Any, least: float) -> Any:
    return ops.maximum(ops.log(chances), least)


def listed(table: Any) -> Any:
    """A table as lists of floats, for a config."""
    return np.asarray(table, "float64").tolist()
