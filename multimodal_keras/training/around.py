"""From the options `balance` and `schemes` to what stands around a model while it is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import keras

from multimodal_keras.balances import Balance
from multimodal_keras.base import Modality, Parts, parts
from multimodal_keras.registry import get
from multimodal_keras.schemes import Scheme
from multimodal_keras.spec import TrainingOptions
from multimodal_keras.training.compiling import optimizer_of
from multimodal_keras.training.trainer import Trainer

Part = TypeVar("Part", Balance, Scheme)


def balance_of(options: TrainingOptions) -> Balance | None:
    """A new balance as the options say, or None."""
    return None if options.balance is None else _own(options.balance, Balance)


def schemes_of(options: TrainingOptions) -> list[Scheme]:
    """New schemes as the options say.

    Raises:
        ValueError: for two of one class.
    """
    schemes = [_own(each, Scheme) for each in options.schemes]
    twice = [name for name, count in Counter(type(scheme).__name__ for scheme in schemes).items() if count > 1]
    if twice:
        raise ValueError(f"Each scheme is named once. Received {twice[0]} twice. Leave one out.")
    return schemes


def _own(identifier: Any, base: type[Part]) -> Part:
    """An instance is a template, as everywhere: two trainings never share what they learn beside the model."""
    found = get(identifier, base)
    return type(found).from_config(found.get_config())


def trainer_of(
    model: keras.Model,
    balance: Balance | None,
    schemes: Sequence[Scheme],
    options: TrainingOptions,
    steps_per_epoch: int,
) -> Trainer | None:
    """What trains the model; None where its own `fit` does, because there is neither balance nor scheme.

    Args:
        model: compiled.
        balance: as `balance_of` gives it.
        schemes: as `schemes_of` gives them.
        options: of the training.
        steps_per_epoch: batches in an epoch.
    """
    if balance is None and not schemes:
        return None
    return Trainer(model, balance, schemes, optimizer_of(options, steps_per_epoch, weight_decay=0.0))


def parts_to_read(model: keras.Model, schemes: Sequence[Scheme]) -> Parts:
    """What training batches hold: the model's fields and tasks, and the fields that a scheme wants beside them."""
    found = parts(model)
    more = {field: modality for scheme in schemes for field, modality in scheme.more_modalities().items()}
    modalities: Mapping[str, Modality] = {**more, **found.modalities}
    return Parts(dict(sorted(modalities.items())), found.encoders, found.fusion, found.heads)


def described(balance: Balance | None, schemes: Sequence[Scheme]) -> dict[str, Any]:
    """`balance` and `schemes` as JSON-able values."""
    return {
        "balance": None if balance is None else _described(balance, balance.get_config()),
        "schemes": [_described(scheme, scheme.facts()) for scheme in schemes],
    }


def _described(part: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in config.items() if name not in ("name", "trainable", "dtype")}
    return {"class_name": type(part).__name__, "config": own}


class Epochs(keras.callbacks.Callback):
    """Tells a trainer where an epoch begins and ends."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__()
        self.trainer = trainer

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Called by Keras."""
        self.trainer.begin_epoch(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called by Keras, before the progress is written down."""
        self.trainer.end_epoch(epoch, logs or {})
