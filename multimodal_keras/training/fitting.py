"""Train a model on records."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from multimodal_keras.base import Parts
from multimodal_keras.data import Pipeline, Records, read
from multimodal_keras.errors import DataError
from multimodal_keras.schemes import Scheme
from multimodal_keras.spec import TrainingOptions, make
from multimodal_keras.training.around import Epochs, balance_of, described, parts_to_read, schemes_of, trainer_of
from multimodal_keras.training.compiling import compile_model, warmup_steps
from multimodal_keras.training.progress import Progress
from multimodal_keras.training.run import Run, write_run


def fit(
    model: keras.Model,
    train: Records,
    valid: Records | None = None,
    *,
    output: str | Path | None = None,
    resume: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: str | int = "auto",
    options: TrainingOptions | None = None,
    **overrides: Any,
) -> Run:
    """Train a model: losses, metrics and weights from its heads, batches from its modalities.

    Start the same call again after a kill, and it goes on from the last whole epoch, with the same order of records as
    if nothing had happened. The model ends with the weights of its best epoch.

    Args:
        model: made by `build_model`.
        train: training records.
        valid: validation records, for early stopping and the choice of the best epoch.
        output: the run folder; None to keep everything in memory.
        resume: whether to go on with what the run folder holds; False starts over.
        callbacks: more of Keras's callbacks.
        verbose: as in `keras.Model.fit`.
        options: see `TrainingOptions`.
        **overrides: fields of `TrainingOptions`, such as `epochs=20, batch_size=64, learning_rate=3e-4`, or
            `balance="PCGradBalance", schemes=[mk.UnimodalScheme(weight=0.3)]`.

    Returns:
        `Run`.

    Raises:
        DataError: for a record that cannot be used, unless `on_error="skip"`; for none at all.
        ValueError: for an unknown option, or a run folder that holds another run.
    """
    options = make(TrainingOptions, {**vars(options or TrainingOptions()), **overrides}, "training.")
    balance, schemes = balance_of(options), schemes_of(options)
    train, valid = _records(train), None if valid is None else _records(valid)
    folder = None if output is None else Path(output)
    _check_records(schemes, train, valid)
    pipeline = _pipeline(train, parts_to_read(model, schemes), options, shuffle=options.shuffle)
    checks = None if valid is None else _pipeline(valid, model, options, shuffle=False)
    steps = math.ceil(len(train) / options.batch_size)
    compile_model(model, options, steps)
    trainer = trainer_of(model, balance, schemes, options, steps)
    facts = _facts(model, options, train, valid, described(balance, schemes))
    monitor = options.monitor or ("loss" if valid is None else "val_loss")
    state = None if folder is None else folder / "checkpoint"
    warmup_epochs = math.ceil(warmup_steps(options, steps) / max(steps, 1))
    progress = Progress(options, monitor, state, facts["key"], warmup_epochs, model=model, trainer=trainer)
    if resume:
        progress.resume()
    more = [*_callbacks(options, folder, pipeline), *([] if trainer is None else [Epochs(trainer)])]
    with pipeline.errors(), checks.errors() if checks else contextlib.nullcontext():
        if not progress.is_over:
            (trainer or model).fit(
                pipeline.dataset(),
                validation_data=checks.dataset() if checks else None,
                initial_epoch=progress.epochs_done,
                epochs=options.epochs,
                callbacks=[*more, *callbacks, progress],
                shuffle=False,  # the pipeline does it
                verbose=verbose,
            )
    progress.restore_best()
    skipped = [*pipeline.skipped, *(checks.skipped if checks else [])]
    run = Run(model, progress.history, (progress.best_epoch or 0) + 1, folder, skipped)
    write_run(run, facts)
    return run


def _records(source: Any) -> Records:
    return source if isinstance(source, Records) else read(source)


def _pipeline(records: Records, model: keras.Model | Parts, options: TrainingOptions, *, shuffle: bool) -> Pipeline:
    return Pipeline(
        records,
        model,
        batch_size=options.batch_size,
        shuffle=shuffle,
        seed=options.seed,
        cache=options.cache,
        on_error=options.on_error,
        shuffle_window=options.shuffle_window,
    )


class _Epochs(keras.callbacks.Callback):
    """Tells the pipeline which epoch it is, so that a resumed training sees the order of an uninterrupted one."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        self.pipeline = pipeline

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Called by Keras before it asks for the first batch of the epoch."""
        self.pipeline.epoch = epoch


def _callbacks(options: TrainingOptions, folder: Path | None, pipeline: Pipeline) -> list[keras.callbacks.Callback]:
    chosen: list[keras.callbacks.Callback] = [_Epochs(pipeline), keras.callbacks.TerminateOnNaN()]
    if options.tensorboard:
        if folder is None:
            raise ValueError("TensorBoard logs go into the run folder. Received no output. Pass output='runs/...'.")
        if importlib.util.find_spec("tensorboard") is None:
            raise ValueError("TensorBoard logs need its package, which is not here. Run: pip install tensorboard")
        chosen.append(keras.callbacks.TensorBoard(str(folder / "tensorboard")))
    return chosen


def _check_records(schemes: Sequence[Scheme], train: Records, valid: Records | None) -> None:
    for name, part in (("training", train), ("validation", valid)):
        if part is not None and not len(part):
            instead = ", or leave valid out" if part is valid else ""
            raise DataError(
                f"There are {name} records. Received none. Check the filter, the split and the file{instead}."
            )
    needing = [type(scheme).__name__ for scheme in schemes if scheme.needs_validation]
    if needing and valid is None:
        raise ValueError(f"{needing[0]} goes by validation losses. Received no validation records. Pass valid=...")


def _facts(
    model: keras.Model, options: TrainingOptions, train: Records, valid: Records | None, around: Mapping[str, Any]
) -> dict[str, Any]:
    """What makes a run this run: its key changes if the model, the records or the options do."""
    chosen = {**vars(options), **around}
    prints = {name: part.fingerprint() for name, part in (("train", train), ("valid", valid)) if part is not None}
    counts = {name: len(part) for name, part in (("train", train), ("valid", valid)) if part is not None}
    # Training longer is going on with the same run, unless the schedule reaches its end with the epochs.
    lasting = {name: value for name, value in chosen.items() if name not in ("epochs", "patience", "tensorboard")}
    if options.schedule != "constant":
        lasting["epochs"] = options.epochs
    # What a config does not tell: low-rank matrices, and what is frozen.
    weights = [[variable.shape, variable.trainable] for variable in model.variables]
    identity = json.dumps([_nameless(model.get_config()), weights, lasting, prints], sort_keys=True, default=str)
    key = hashlib.sha256(identity.encode("utf-8")).hexdigest()
    return {"options": chosen, "fingerprints": prints, "records": counts, "key": key}


def _nameless(config: Any) -> Any:
    """A config without Keras's automatic names, which depend on what else a process has built."""
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key != "name"}
    return [_nameless(value) for value in config] if isinstance(config, (list, tuple)) else config
