"""The result of an evaluation: to compute with, to read, and to save."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multimodal_keras.evaluation.answers import Answers
from multimodal_keras.evaluation.mistakes import Mistake
from multimodal_keras.evaluation.scores import Scores
from multimodal_keras.evaluation.table import plain, promise_lines, subset_lines

REPORT = "report.json"
PAGE = "report.html"
PLOTS = "plots"


@dataclass(frozen=True, repr=False)
class Report:
    """What `evaluate` returns. `print(report)` shows the table of subsets.

    Attributes:
        model: the model's name.
        records: how many records were evaluated.
        tasks: task to `kind`, `labels` or `unit`, and `labelled` (how many records have a label).
        metrics: task to metric to `value`, `low` and `high`, the 95 % bootstrap interval over records; None where not
            defined, with a `reason`. There are no intervals for the calibration error: it is biased upwards by
            resampling, and an interval of it would often not hold its own value.
        per_class: task to label to metrics of this label, and its number of `records`; empty for a number.
        subsets: a subset's name (`"image+title"`) to `fields`, `reason` (None if defined), `nothing_present`, and
            `tasks`: task to `records` and `metrics`, the headline ones, each with `against_all`: the paired difference
            to the answers from all modalities, and whether 0 is `outside` of its interval.
        promises: of a calibrated model, task to subset to what its sets and accepted answers came to, see `promise_rows`.
        unusual: of a calibrated model, subset to the share of records that it calls unusual.
        skipped: task to the reason why it has no metrics.
        history: metric to one number for each epoch.
        settings: `batch_size`, `bootstrap`, `seed`, `confidence`.
        versions: of this package and those it computes with.
        predictions: task to `Answers`: targets, weights, and predictions from each subset, as arrays.
        scores: task to its `Scores`, from which the plots are drawn.
        mistakes: task to the records with the highest loss.
    """

    model: str
    records: int
    tasks: dict[str, dict[str, Any]]
    metrics: dict[str, dict[str, dict[str, Any]]]
    per_class: dict[str, dict[str, dict[str, Any]]]
    subsets: dict[str, dict[str, Any]]
    promises: dict[str, dict[str, dict[str, Any]]]
    unusual: dict[str, float]
    skipped: dict[str, str]
    history: dict[str, list[float]]
    settings: dict[str, Any]
    versions: dict[str, str]
    predictions: dict[str, Answers] = field(compare=False)
    scores: dict[str, Scores] = field(compare=False)
    mistakes: dict[str, list[Mistake]] = field(compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Everything but arrays and pixels, as JSON-able values; a number that is not finite is None."""
        names = (
            "model",
            "records",
            "tasks",
            "metrics",
            "per_class",
            "subsets",
            "promises",
            "unusual",
            "skipped",
            "history",
            "settings",
            "versions",
        )
        found = {name: getattr(self, name) for name in names}
        found["mistakes"] = {task: [mistake.to_dict() for mistake in rows] for task, rows in self.mistakes.items()}
        return _finite(found)

    def to_json(self) -> str:
        """`to_dict` as strict JSON (RFC 8259: no NaN), indented, in UTF-8 characters."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def table(self, task: str) -> str:
        """The subsets of modalities for one task, as plain text.

        Raises:
            ValueError: if the task has no metrics.
        """
        if task not in self.metrics:
            raise ValueError(
                f"A table is of a task with metrics. Received {task!r}. Known: {', '.join(self.metrics) or 'none'}."
            )
        return "\n".join(plain(*subset_lines(task, self.subsets)))

    def save(self, folder: str | Path) -> Path:
        """Write `report.json`, `report.html` (one file, nothing else needed) and `plots/*.png`.

        Args:
            folder: made if it does not exist; files of these names in it are replaced.

        Returns:
            The folder.

        Raises:
            ImportError: if matplotlib is not installed; `report.json` is written all the same.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / REPORT).write_text(self.to_json() + "\n", encoding="utf-8")
        from multimodal_keras.evaluation.plots import check_matplotlib  # the plots are optional

        check_matplotlib()
        from multimodal_keras.evaluation.page import page
        from multimodal_keras.evaluation.plots.every import plots_of

        plots = plots_of(self)
        (folder / PLOTS).mkdir(exist_ok=True)
        for plot in plots:
            (folder / PLOTS / f"{plot.name}.png").write_bytes(plot.png)
        (folder / PAGE).write_text(page(self, plots), encoding="utf-8")
        return folder

    def __str__(self) -> str:
        lines = [f"{self.model}: {self.records} records"]
        for task in self.metrics:
            facts = self.tasks[task]
            lines += ["", f"{task} ({facts['kind']}, {facts['labelled']} labelled records)", self.table(task)]
            if task in self.promises:
                lines += ["", *plain(*promise_lines(self.promises[task], self.unusual))]
        lines += [f"\n{task}: {reason}" for task, reason in self.skipped.items()]
        if self.settings["bootstrap"] and self.metrics:
            lines += ["", f"Brackets: 95 % intervals over {self.settings['bootstrap']:,} resamples of the records."]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Report(model={self.model!r}, records={self.records}, tasks={list(self.tasks)})"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
