"""Compile a model as its heads wish and its options say."""

from __future__ import annotations

from typing import Any

import keras

from multimodal_keras.base import parts
from multimodal_keras.calibrating import is_calibrated
from multimodal_keras.spec import TrainingOptions

_REGULARIZED = ("kernel", "recurrent_kernel", "embeddings", "depthwise_kernel", "pointwise_kernel")


def compile_model(model: keras.Model, options: TrainingOptions, steps_per_epoch: int) -> None:
    """Compile: losses, metrics and loss weights from the heads; optimizer, schedule and clipping from the options.

    Metrics are weighted, so that records without a label for a task do not count for it.

    Args:
        model: made by `build_model`.
        options: how it will be trained.
        steps_per_epoch: batches in an epoch, for the schedule.

    Raises:
        ValueError: for a calibrated model.
    """
    heads = parts(model).heads
    if is_calibrated(model):
        raise ValueError(
            "A model is trained before it is calibrated: the numbers belong to its weights. Received a calibrated one. Fit "
            "the model that mk.calibrate was given (it shares its weights), and calibrate it again."
        )
    _regularize(model, options)
    model.compile(
        optimizer=optimizer_of(options, steps_per_epoch),
        loss={task: head.default_loss() for task, head in heads.items()},
        loss_weights={task: head.default_loss_weight for task, head in heads.items()},
        weighted_metrics={task: head.default_metrics() for task, head in heads.items()},
        jit_compile=options.jit_compile,
    )


def warmup_steps(options: TrainingOptions, steps_per_epoch: int) -> int:
    """Over how many steps the learning rate rises: as the options say, but a tenth of the training at most.

    Args:
        options: how the model is trained.
        steps_per_epoch: batches in an epoch.
    """
    return min(options.warmup_steps, max(options.epochs * steps_per_epoch // 10, 1)) if options.warmup_steps else 0


def optimizer_of(
    options: TrainingOptions, steps_per_epoch: int, *, weight_decay: float | None = None
) -> keras.optimizers.Optimizer:
    """A new optimizer, as the options say; with another weight decay, if one is given."""
    return keras.optimizers.AdamW(
        learning_rate=_schedule(options, steps_per_epoch),
        weight_decay=options.weight_decay if weight_decay is None else weight_decay,
        global_clipnorm=options.clip_norm,
    )


def _schedule(options: TrainingOptions, steps_per_epoch: int) -> Any:
    if options.schedule == "constant" and not options.warmup_steps:
        return options.learning_rate
    steps = max(options.epochs * steps_per_epoch, 1)
    warmup = warmup_steps(options, steps_per_epoch)
    floor = 1.0 if options.schedule == "constant" else 0.0
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(options.learning_rate, steps, alpha=floor)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warmup, 1), alpha=floor, warmup_target=options.learning_rate, warmup_steps=warmup
    )


def _regularize(model: keras.Model, options: TrainingOptions) -> None:
    """Put L1 and L2 on every kernel and embedding, whatever the encoder; they end with the training."""
    regularizer = keras.regularizers.L1L2(options.l1, options.l2) if options.l1 or options.l2 else None
    for variable in model.trainable_variables:
        if variable.name in _REGULARIZED:
            variable.regularizer = regularizer
