"""How a model is calibrated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multimodal_keras.base.calibration import APS, LAC, RAPS
from multimodal_keras.base.unusual import ENERGY, MAHALANOBIS
from multimodal_keras.spec import make

TEMPERATURE, VECTOR, NONE = "temperature", "vector", "none"
SCALINGS, SETS, AUTO = (TEMPERATURE, VECTOR, NONE), (LAC, APS, RAPS), "auto"
OOD_SCORES = (AUTO, ENERGY, MAHALANOBIS)


@dataclass(frozen=True)
class CalibrationOptions:
    """How a model is calibrated.

    Attributes:
        scaling: of probabilities. `"temperature"`: one number, which keeps the order of the labels; `"vector"`: a slope and
            an offset for each label, for some hundred records of each; `"none"`. Numbers stay as they are.
        coverage: the share of records whose set (or interval) holds the truth; None for no sets. Of a task with any
            number of labels, the set holds all that are true.
        sets: the conformal score of a single label: `"lac"`, the smallest sets; `"aps"` or `"raps"`, larger ones for harder
            records.
        penalty: of RAPS, for each label ahead beyond `free_labels`.
        free_labels: of RAPS.
        by_class: whether the coverage is promised for the records of each label by themselves, and not only for all
            together. A label that too few records have is then in every set.
        by_presence: whether all of it is fitted for each combination of the optional modalities by itself (at most 6 of
            them), by leaving modalities out of the records, and not only for records as they come.
        precision: answers are accepted from the lowest probability on, label by label, from which this share of the
            calibration records was right; None for another rule.
        recall: likewise, from the highest probability on from which this share of a label's records is found.
        ood: the share of familiar records that shall not be called unusual; None for no score.
        ood_score: `"energy"`, of the heads with labels; `"mahalanobis"`, of the fused vector; or `"auto"`, the energy where
            there is a head with labels.
    """

    scaling: str = TEMPERATURE
    coverage: float | None = 0.9
    sets: str = LAC
    penalty: float = 0.01
    free_labels: int = 5
    by_class: bool = False
    by_presence: bool = True
    precision: float | None = None
    recall: float | None = None
    ood: float | None = 0.95
    ood_score: str = AUTO

    def __post_init__(self) -> None:
        for name, known in (("scaling", SCALINGS), ("sets", SETS), ("ood_score", OOD_SCORES)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} is one of {', '.join(known)}. Received {getattr(self, name)!r}. Choose one of these."
                )
        for name in ("coverage", "precision", "recall", "ood"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise ValueError(
                    f"{name} is a share above 0 and below 1. Received {value!r}. Leave it out, or change it."
                )
        if self.precision is not None and self.recall is not None:
            raise ValueError(
                f"Answers are accepted by one rule. Received precision={self.precision} and recall={self.recall}. Leave one "
                "of them out."
            )
        if self.penalty < 0 or self.free_labels < 0:
            raise ValueError(
                f"penalty and free_labels are 0 or more. Received {self.penalty} and {self.free_labels}. Raise them."
            )
        self._check_use()

    def _check_use(self) -> None:
        """Refuse what would be without effect."""
        if {self.coverage, self.precision, self.recall, self.ood} == {None} and self.scaling == NONE:
            raise ValueError(
                "A calibration fits something. Received options that leave out probabilities, sets, acceptance and ood. "
                "Ask for one of these."
            )
        sets, raps = "sets (coverage)", "sets='raps'"
        for name, of, used in (
            ("sets", sets, self.coverage is not None),
            ("by_class", sets, self.coverage is not None),
            ("penalty", raps, self.sets == RAPS),
            ("free_labels", raps, self.sets == RAPS),
            ("ood_score", "the score of unusual records (ood)", self.ood is not None),
        ):
            if not used and getattr(self, name) != getattr(type(self), name):
                raise ValueError(f"{name} is of {of}. Received {getattr(self, name)!r} without it. Leave it out.")

    def to_dict(self) -> dict[str, Any]:
        """All of them by name."""
        return dataclasses.asdict(self)


def calibration_options(chosen: Mapping[str, Any]) -> CalibrationOptions:
    """Make options of what a caller gave.

    Raises:
        ValueError: for an unknown option, or one out of its range.
    """
    return make(CalibrationOptions, chosen, "calibrate.")
