"""Any `keras.applications` backbone as an encoder."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Encoder
from multimodal_keras.encoders.freezing import check_trainable, freeze
from multimodal_keras.registry import register


def _backbones() -> dict[str, Any]:
    """The networks of `keras.applications` by name."""
    members = inspect.getmembers(keras.applications, inspect.isfunction)
    modules = [module for _, module in inspect.getmembers(keras.applications, inspect.ismodule)]
    members += [member for module in modules for member in inspect.getmembers(module, inspect.isfunction)]
    return {name: builder for name, builder in sorted(members, key=lambda member: member[0]) if name[0].isupper()}


@register
class BackboneEncoder(Encoder):
    """A pretrained network from `keras.applications`; each cell of its last grid is a token.

    Use it where pictures are few: frozen, with weights from ImageNet. Its own pixel preprocessing is inside.

    Args:
        backbone: the name of a `keras.applications` network, such as `"ResNet50"` or `"MobileNetV2"`.
        weights: None for random ones, `"imagenet"` (Keras downloads them once), or the path of a weights file.
        trainable: False, True, or `"from:<layer>"` to train from that layer up, such as `"from:block_16_expand"`. What is
            frozen keeps its batch statistics.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, height, width, 3)`, pixels in [0, 1].

    Returns:
        Tokens `(batch, cells, width)`, row by row. Pooled by the mean.

    Raises:
        ValueError: for an unknown backbone (the message lists the known ones), or features that are no pictures.

    Example:

    >>> import multimodal_keras as mk
    >>> mk.BackboneEncoder("MobileNetV2").compute_output_shape((None, 96, 96, 3))
    (None, 9, 1280)

    Reference:
        https://keras.io/api/applications, with the paper of each network.
    """

    default_pooling = "mean"

    def __init__(
        self, backbone: str = "MobileNetV2", *, weights: str | None = None, trainable: bool | str = False, **kwargs: Any
    ) -> None:
        super().__init__(trainable=bool(check_trainable(trainable)), **kwargs)
        if backbone not in _backbones():
            raise ValueError(
                f"A backbone is the name of a network in keras.applications. Received {backbone!r}. "
                f"Known: {', '.join(_backbones())}."
            )
        self.backbone = backbone
        self.weights_from = weights
        self.trained = trainable
        self._network: keras.Model | None = None

    def build(self, features_shape: tuple[int | None, ...], step_mask_shape: Any = None) -> None:
        shape = tuple(features_shape[1:])
        if len(shape) != 3 or shape[-1] != 3:
            raise ValueError(
                f"A backbone takes pictures (batch, height, width, 3). Received the shape {tuple(features_shape)}. "
                "Choose an encoder for this modality."
            )
        self._network = _backbones()[self.backbone](include_top=False, weights=self.weights_from, input_shape=shape)
        freeze(self._network, self.trained if self.trainable else False)
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        # Networks that preprocess inside have a preprocess_input that does nothing.
        preprocess = sys.modules[_backbones()[self.backbone].__module__].preprocess_input
        pixels = preprocess(ops.cast(features, "float32") * 255.0)
        grid = self._network(pixels, training=bool(training) and self.trainable)  # type: ignore[misc]
        return ops.reshape(grid, (-1, grid.shape[1] * grid.shape[2], grid.shape[3]))

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        if self._network is None:
            self.build(features_shape)
        _, height, width, channels = self._network.output_shape  # type: ignore[union-attr]
        return (features_shape[0], height * width, channels)

    def grid(self, features_shape: Any) -> tuple[int, int] | None:
        return None if self._network is None else tuple(self._network.output_shape[1:3])

    def get_config(self) -> dict[str, Any]:
        # Once built, the weights are in the saved file, and theirs may be gone.
        weights = None if self.built else self.weights_from
        trained = self.trained if self.trainable else False
        return {**super().get_config(), "backbone": self.backbone, "weights": weights, "trainable": trained}
