"""Keep a run's progress: history, the best weights, and all that is needed to go on after a kill."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from multimodal_keras.spec import TrainingOptions
from multimodal_keras.training.trainer import Trainer

STATE, BEST = "state.npz", "best.npz"


class Progress(keras.callbacks.Callback):
    """Ends each epoch by writing down where the training is; starts a training where the last one was.

    Keras's own backup restores weights and the epoch, but not the history, the best value or the patience. The state is
    one file, put in place by a rename, so a kill at any moment leaves the state of the last whole epoch.

    Args:
        options: `monitor` and `patience` are used.
        monitor: the name in the history to go by.
        folder: where to keep the state; None to keep the best weights in memory only.
        key: of this run; a state with another key belongs to another run.
        warmup_epochs: patience does not count these, in which the learning rate still rises.
        model: whose weights are kept.
        trainer: what trains it, if that is not the model itself. What it keeps beside the model is part of the state.

    Attributes:
        history: metric name to one value for each epoch, those of earlier processes included.
        best_epoch: the epoch (from 0) with the best value so far, or None.
    """

    def __init__(
        self,
        options: TrainingOptions,
        monitor: str,
        folder: Path | None,
        key: str,
        warmup_epochs: int = 0,
        *,
        model: keras.Model,
        trainer: Trainer | None = None,
    ) -> None:
        super().__init__()
        self.network = model
        self.beside = [] if trainer is None else trainer.state
        # These count neither for the best epoch nor for patience.
        self.epochs_before = 0 if trainer is None else trainer.epochs_before
        self.options = options
        self.monitor = monitor
        self.folder = folder
        self.key = key
        self.warmup_epochs = warmup_epochs
        self.history: dict[str, list[float]] = {}
        self.best_epoch: int | None = None
        self._best: list[np.ndarray] | None = None

    @property
    def epochs_done(self) -> int:
        """How many epochs are done."""
        return len(self.history.get("loss", ()))

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do: all epochs done, or patience at its end."""
        waited = self.epochs_done - max((self.best_epoch or 0) + 1, self.warmup_epochs, self.epochs_before)
        return self.epochs_done >= self.options.epochs or (
            self.options.patience is not None and self.epochs_done > 0 and waited >= self.options.patience
        )

    def resume(self) -> None:
        """Take up the state in the folder, if there is one. The model is compiled.

        Raises:
            ValueError: if the state is that of another run.
        """
        if self.folder is None or not (self.folder / STATE).exists():
            return
        with np.load(self.folder / STATE, allow_pickle=False) as state:
            facts = json.loads(str(state["facts"]))
            if facts["key"] != self.key:
                raise ValueError(
                    f"A run folder goes on with the run that it began with. Received {str(self.folder.parent)!r}, where "
                    "another model, other records or other options were trained. Choose another folder, or pass "
                    "resume=False (--restart) to start over."
                )
            self.network.optimizer.build(self.network.trainable_variables)
            for index, variable in enumerate(self._variables()):
                variable.assign(state[f"variable_{index}"])
        self.history, self.best_epoch = facts["history"], facts["best_epoch"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add to the history, keep the best weights, write the state, and stop if patience is at its end.

        Raises:
            ValueError: if the loss is no number any more; the state of the epoch before is kept.
        """
        if not np.isfinite((logs or {}).get("loss", 0.0)):
            raise ValueError(
                f"A loss is a finite number. Received {(logs or {})['loss']} in epoch {epoch + 1}. Lower learning_rate or "
                "clip_norm, and start over with resume=False."
            )
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if self.monitor not in self.history:
            raise ValueError(
                f"monitor is a name in the history. Received {self.monitor!r}. Known: {', '.join(self.history)}."
            )
        values = self._counted()
        better = np.nanargmin if "loss" in self.monitor or self.monitor.endswith("mae") else np.nanargmax
        best = int(better(values)) if not np.all(np.isnan(values)) else 0
        if best == len(values) - 1 or self.best_epoch is None:
            self._keep_best()
        self.best_epoch = best
        self._write_state()
        if self.is_over:
            self.model.stop_training = True

    def _counted(self) -> np.ndarray:
        """The monitored values, without those of the epochs before, as long as there are others."""
        values = np.array(self.history[self.monitor])
        if len(values) > self.epochs_before:
            values[: self.epochs_before] = np.nan
        return values

    def restore_best(self) -> None:
        """Give the model the weights of its best epoch."""
        best = self._best
        if self.folder is not None and (self.folder / BEST).exists():
            with np.load(self.folder / BEST, allow_pickle=False) as kept:
                best = [kept[f"variable_{index}"] for index in range(len(kept.files))]
        for variable, value in zip(self.network.variables, best or [], strict=bool(best)):
            variable.assign(value)

    def _keep_best(self) -> None:
        weights = [np.asarray(variable) for variable in self.network.variables]
        if self.folder is None:
            self._best = weights
        else:
            _write(self.folder / BEST, weights, {})

    def _write_state(self) -> None:
        if self.folder is not None:
            facts = {"key": self.key, "history": self.history, "best_epoch": self.best_epoch}
            weights = [np.asarray(variable) for variable in self._variables()]
            _write(self.folder / STATE, weights, {"facts": np.asarray(json.dumps(facts))})

    def _variables(self) -> list[Any]:
        """All that training changes: weights, the states of random generators, the optimizer's, and what is beside."""
        return [*self.network.variables, *self.network.optimizer.variables, *self.beside]


def _write(path: Path, values: list[np.ndarray], more: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {**{f"variable_{index}": value for index, value in enumerate(values)}, **more}
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
