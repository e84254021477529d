"""What was found about a model's robustness: to read, to save, and to fail by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multimodal_keras.evaluation.kinds import KINDS
from multimodal_keras.evaluation.table import fields_in_words, number, plain, title
from multimodal_keras.perturbing.curves import Curve

FILE = "robustness.json"


@dataclass(frozen=True)
class SubsetScore:
    """A metric from some of the modalities.

    Attributes:
        task: the task.
        metric: the metric.
        fields: the record fields that were shown.
        value: of the metric.
        low: the lower end of its 95 % interval; None where there is none.
        high: the upper end.
    """

    task: str
    metric: str
    fields: tuple[str, ...]
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Robustness:
    """What `robustness` returns. `print` shows its tables.

    Attributes:
        records: how many were asked about.
        curves: one for each task, field and noise.
        subsets: the metric of each task from every subset of modalities, all of them last.
        settings: `strengths` and `seed`.
    """

    records: int
    curves: list[Curve]
    subsets: list[SubsetScore]
    settings: dict[str, Any]

    def curve(self, field: str, noise: str, task: str | None = None) -> Curve:
        """One curve; of the only task if none is named.

        Raises:
            ValueError: if there is no such curve, or several.
        """
        found = [
            each for each in self.curves if (each.field, each.noise) == (field, noise) and task in (None, each.task)
        ]
        if len(found) != 1:
            known = ", ".join(f"{each.task}: {each.field}/{each.noise}" for each in self.curves)
            raise ValueError(f"A curve is named by field, noise and task. Received {field}/{noise}. Known: {known}.")
        return found[0]

    def failures(self, min_retained: float = 0.0, min_single: float = 0.0) -> list[str]:
        """What falls short, in sentences.

        Args:
            min_retained: the least share of the clean metric that is left on average over the strengths of a noise.
            min_single: the least share of the metric of all modalities that any other subset reaches.

        Raises:
            ValueError: for shares below 0, or `min_single` where no other subset can be asked about.
        """
        for name, least in (("min_retained", min_retained), ("min_single", min_single)):
            if not least >= 0:
                raise ValueError(f"{name} is a share, 0 or more. Received {least!r}. 0 asks for nothing.")
        return [*self._fallen(min_retained), *self._weak(min_single)]

    def _fallen(self, least: float) -> Iterator[str]:
        for each in self.curves if least else ():
            # A share of nothing is no number, and falls short.
            if not each.retained >= least:
                what = f"{each.noise} on {each.field} leaves {each.retained:.3f} of {title(each.metric)}"
                yield f"{each.task}: {what}, below {least}"

    def _weak(self, least: float) -> Iterator[str]:
        if not least:
            return
        whole = {each.task: each for each in self.subsets}  # the last of each task has all modalities
        if len(whole) == len(self.subsets):
            raise ValueError(
                "min_single compares subsets of the modalities with all of them. Received a model that is defined for all "
                "of them only. Declare modalities optional=True, or leave it out."
            )
        lower = {metric for kind in KINDS.values() for metric in kind.lower_is_better}
        for each in self.subsets:
            full = whole[each.task]
            above, below = (full.value, each.value) if each.metric in lower else (each.value, full.value)
            share = above / below if below else float("nan")
            if each is not full and not share >= least:
                words = fields_in_words(each.fields)
                yield f"{each.task}: {words} alone reaches {share:.3f} of {title(each.metric)}, below {least}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        curves = [each.to_dict() for each in self.curves]
        return {
            "records": self.records,
            **self.settings,
            "curves": curves,
            "subsets": [vars(each) for each in self.subsets],
        }

    def save(self, folder: str | Path) -> Path:
        """Write `robustness.json`, and, where matplotlib is installed, `robustness_<task>.png`.

        Returns:
            The folder.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")
        from multimodal_keras.evaluation.plots import check_matplotlib  # the plots are optional

        check_matplotlib()
        from multimodal_keras.perturbing.plot import robustness_plot

        for task in dict.fromkeys(each.task for each in self.curves):
            plot = robustness_plot(task, [each for each in self.curves if each.task == task])
            (folder / f"{plot.name}.png").write_bytes(plot.png)
        return folder

    def __str__(self) -> str:
        strengths = [f"{strength:g}" for strength in self.settings["strengths"]]
        curves = [
            (
                [
                    each.task,
                    each.field,
                    each.noise,
                    *map(number, each.values),
                    number(each.area),
                    number(each.retained),
                ],
                None,
            )
            for each in self.curves
        ]
        subsets = [([each.task, fields_in_words(each.fields), _interval(each)], None) for each in self.subsets]
        return "\n".join(
            [
                f"{self.records} records",
                "",
                *plain(["task", "noise on", "noise", *strengths, "mean", "retained"], curves),
                "",
                *plain(["task", "modalities", "metric"], subsets),
            ]
        )


def _interval(score: SubsetScore) -> str:
    around = "" if score.low is None else f" [{number(score.low)}, {number(score.high)}]"
    return f"{title(score.metric)} {number(score.value)}{around}"
