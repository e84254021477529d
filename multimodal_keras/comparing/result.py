"""What a comparison found: to compute with, to read, to plot and to save."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multimodal_keras.comparing.pareto import pareto_front
from multimodal_keras.comparing.store import replace
from multimodal_keras.comparing.table import markdown_table, notes, text_table

FILE, MARKDOWN, TEXT = "comparison.json", "comparison.md", "comparison.txt"
_DIGITS = 5


@dataclass(frozen=True)
class TaskScore:
    """How well one fusion does one task.

    Attributes:
        value: the metric on the test records, its mean over seeds.
        low: the lower end of its 95 % interval, over records and seeds; None where there is none.
        high: the upper end.
        by_seed: the metric of each seed.
        subsets: a subset of modalities (`"image+title"`) to the metric from it, the mean over seeds.
        against: how far it lies above the reference: `value`, `low`, `high` and `outside` (whether 0 is outside of the
            interval), paired by record and seed; None for the reference itself.
    """

    value: float
    low: float | None
    high: float | None
    by_seed: list[float]
    subsets: dict[str, float]
    against: dict[str, Any] | None = None

    @property
    def area(self) -> float | None:
        """The metric's mean over every subset of modalities, all of them included; None if none may be missing."""
        return sum(self.subsets.values()) / len(self.subsets) if len(self.subsets) > 1 else None


@dataclass(frozen=True)
class Row:
    """One fusion.

    Attributes:
        name: of the fusion.
        seeds: those whose trainings are finished.
        tasks: task to `TaskScore`; empty if no training is finished.
        parameters: of the whole model.
        seconds: a training took, the mean over seeds.
        cpu_seconds: all threads together worked in a training; on a busy machine this says more.
        epochs: until it was stopped, the mean over seeds.
        savedmodel_seconds: median of one raw record through the SavedModel's signature.
        tflite_seconds: median of one record's tensors through the TFLite file.
        savedmodel_bytes: size of the SavedModel.
        tflite_bytes: size of the TFLite file.
        largest_difference: between the model and what was exported from it.
        error: what went wrong, in one line; None if nothing did.
    """

    name: str
    seeds: list[int] = field(default_factory=list)
    tasks: dict[str, TaskScore] = field(default_factory=dict)
    parameters: int | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    epochs: float | None = None
    savedmodel_seconds: float | None = None
    tflite_seconds: float | None = None
    savedmodel_bytes: int | None = None
    tflite_bytes: int | None = None
    largest_difference: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns. `print` shows its tables.

    Attributes:
        rows: one for each fusion, best first by the first task; those without a finished training last.
        tasks: task to `kind`, `metric`, `lower_is_better` and `records` (how many test records have a label).
        seeds: that were asked for.
        reference: the fusion that the others are compared with.
        settings: what was the same for all: `package`, `versions`, `spec`, `records`, `bootstrap`.
        machine: `cores`, `system`, the lowest and highest `load` at the begin of a training, and
            `load_of_timing`: how many processes wanted a core then.
        folder: where it was made; None for one that was loaded.
    """

    rows: list[Row]
    tasks: dict[str, dict[str, Any]]
    seeds: list[int]
    reference: str
    settings: dict[str, Any]
    machine: dict[str, Any]
    folder: Path | None = field(default=None, compare=False)

    def row(self, name: str) -> Row:
        """One fusion's row.

        Raises:
            ValueError: if it was not compared.
        """
        found = [row for row in self.rows if row.name == name]
        if not found:
            known = ", ".join(row.name for row in self.rows)
            raise ValueError(f"A row is named by its fusion. Received {name!r}. Known: {known}.")
        return found[0]

    def sorted_by(self, task: str) -> list[Row]:
        """The rows, best first by one task; those without a finished training last."""
        sign = 1 if self.tasks[task]["lower_is_better"] else -1
        return sorted(
            self.rows, key=lambda row: (sign * row.tasks[task].value if row.tasks else float("inf"), row.name)
        )

    def front(self, task: str) -> list[str]:
        """The fusions that no other one beats in both the metric and the TFLite latency (or parameters), best first."""
        rows = [row for row in self.sorted_by(task) if row.tasks and cost_of(row, self.timed) is not None]
        sign = 1 if self.tasks[task]["lower_is_better"] else -1
        return pareto_front({row.name: (sign * row.tasks[task].value, cost_of(row, self.timed) or 0.0) for row in rows})

    @property
    def timed(self) -> bool:
        """Whether exported models were timed."""
        return any(row.tflite_seconds is not None for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, with `area` in each score and `front` in each task; floats have five significant digits."""
        content = dataclasses.asdict(self)
        content.pop("folder")
        for row, written in zip(self.rows, content["rows"], strict=True):
            for task, score in row.tasks.items():
                written["tasks"][task]["area"] = score.area
        for task in self.tasks:
            content["tasks"][task]["front"] = self.front(task)
        return _rounded(content)

    def to_json(self) -> str:
        """`to_dict` as strict JSON, indented."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, folder: str | Path | None = None) -> Path:
        """Write `comparison.json`, `.md` and `.txt`, and, where matplotlib is installed, `pareto_<task>.png`.

        Args:
            folder: where to; its own folder if left out.

        Returns:
            The folder.

        Raises:
            ImportError: if matplotlib is not installed; all but the plots is written all the same.
        """
        chosen = Path(folder or self.folder or ".")
        chosen.mkdir(parents=True, exist_ok=True)
        for name, content in ((FILE, self.to_json()), (MARKDOWN, self.markdown()), (TEXT, f"{self}\n")):
            replace(chosen / name, content.encode("utf-8"))
        from multimodal_keras.evaluation.plots import check_matplotlib  # the plots are optional

        check_matplotlib()
        from multimodal_keras.comparing.plot import pareto_plot

        for task in self.tasks if any(row.tasks for row in self.rows) else ():
            replace(chosen / f"pareto_{task}.png", pareto_plot(self, task).png)
        return chosen

    @classmethod
    def load(cls, path: str | Path) -> Comparison:
        """Read a `comparison.json`.

        Raises:
            ValueError: if it is none.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            rows = [_row(row) for row in content.pop("rows")]
            for facts in content["tasks"].values():
                facts.pop("front", None)
            return cls(rows=rows, **content)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"A comparison is read from the {FILE} that it saved. Received {str(path)!r}: {error}. Compare again."
            ) from error

    def markdown(self) -> str:
        """The tables in Markdown."""
        tables = (markdown_table(self, task) for task in self.tasks)
        return "\n\n".join([*tables, " ".join(notes(self))]) + "\n"

    def __str__(self) -> str:
        return "\n\n".join([*(text_table(self, task) for task in self.tasks), "\n".join(notes(self))])


def cost_of(row: Row, timed: bool) -> float | None:
    """What a fusion costs in the plot: seconds of a TFLite call, or parameters where nothing was timed."""
    return row.tflite_seconds if timed else row.parameters


def _row(content: Mapping[str, Any]) -> Row:
    tasks = {
        task: TaskScore(**{name: value for name, value in score.items() if name != "area"})
        for task, score in content["tasks"].items()
    }
    return Row(**{**content, "tasks": tasks})


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
