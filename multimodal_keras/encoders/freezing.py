"""Train a network that somebody else has trained: not at all, as a whole, or from a layer up."""

from __future__ import annotations

from typing import Any

import keras

FROM = "from:"


def check_trainable(trainable: Any) -> bool | str:
    """`False`, `True` or `"from:<layer>"`, checked."""
    if isinstance(trainable, bool) or (isinstance(trainable, str) and trainable.startswith(FROM) and trainable != FROM):
        return trainable
    raise ValueError(
        f"trainable is False, True or 'from:<layer>'. Received {trainable!r}. Name the first layer that is to learn."
    )


def freeze(network: keras.Model, trainable: bool | str) -> None:
    """Set which layers of a network learn. A frozen batch normalisation keeps its statistics.

    Args:
        network: a functional or sequential model; its layers are in the order in which they are computed.
        trainable: see `check_trainable`; `"from:<layer>"` freezes all layers before that one.

    Raises:
        ValueError: if the network has no layer of that name.
    """
    if isinstance(trainable, bool):
        network.trainable = trainable
        return
    first = trainable.removeprefix(FROM)
    names = [layer.name for layer in network.layers]
    if first not in names:
        raise ValueError(
            f"trainable='from:<layer>' names a layer of the network. Received {first!r}; {network.name!r} has "
            f"{', '.join(names)}. Name one of these."
        )
    network.trainable = True
    for layer in network.layers[: names.index(first)]:
        layer.trainable = False
