"""Any network that somebody else has trained as an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base import Encoder, FeatureSpec
from multimodal_keras.encoders.freezing import check_trainable, freeze
from multimodal_keras.encoders.grids import closest_grid
from multimodal_keras.encoders.networks import open_network
from multimodal_keras.registry import register

# ITU-R BT.601, as Pillow's mode "L" and OpenCV have it.
_GREY = (0.299, 0.587, 0.114)
_CHANNELS = ("rgb", "bgr", "grey")


@register
class PretrainedEncoder(Encoder):
    """Any Keras model or SavedModel as an encoder, up to one of its layers; its weights go into our own files.

    Use it for networks that `BackboneEncoder` does not know: your own, or somebody's file. What the network was trained
    on has to be told: it gets `features * scale + offset`, of channels in the order that it knows.

    Args:
        model: the path of a `.keras` or `.h5` file or of a SavedModel (a folder, or its `saved_model.pb`); a functional
            or sequential `keras.Model`, which is copied; or a function that builds one.
        weights: the path of a weights file (`.weights.h5`) for it.
        layer: whose output is wanted; None for the last one. For a SavedModel, the name of one of its outputs.
        trainable: False; True; or `"from:<layer>"`, which freezes what comes before that layer. A SavedModel stays frozen.
        scale: what features are multiplied with: a number, or one for each channel. Pictures come in [0, 1].
        offset: what is added then, likewise.
        channels: `"rgb"` as they are; `"bgr"` turned round; `"grey"`, the luminance of three channels as one.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, *shape)` as the network takes them: pictures, sequences, vectors, token ids. Where it has two
            inputs, the second one gets the step mask.
        step_mask: `bool (batch, steps)` or None.

    Returns:
        Tokens `(batch, steps, width)`: a vector is one token, the cells of a grid are tokens row by row. With `step_mask`
        if the network keeps the steps. Pooled by the mean.

    Raises:
        ValueError: if the network cannot be read, has no such layer, or takes another shape.

    Example:

    >>> import keras
    >>> import multimodal_keras as mk
    >>> network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3, name="features")])
    >>> mk.PretrainedEncoder(network, scale=2.0, offset=-1.0).compute_output_shape((None, 8, 8, 3))
    (None, 36, 5)

    Reference:
        Yosinski et al., How transferable are features in deep neural networks? (arXiv:1411.1792).
    """

    default_pooling = "mean"

    def __init__(
        self,
        model: Any = None,
        *,
        weights: str | None = None,
        layer: str | None = None,
        trainable: bool | str = False,
        scale: float | Sequence[float] = 1.0,
        offset: float | Sequence[float] = 0.0,
        channels: str = "rgb",
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=bool(check_trainable(trainable)), **kwargs)
        self.trained = trainable
        if channels not in _CHANNELS:
            raise ValueError(f"channels is one of {', '.join(_CHANNELS)}. Received {channels!r}. Choose one of these.")
        self.weights_from, self.layer, self.channels = weights, layer, channels
        self.scale, self.offset = (np.asarray(value, "float32").tolist() for value in (scale, offset))
        self.model = model if model is None or isinstance(model, dict) else str(model)
        self._network: keras.Model | None = None
        if callable(model):  # a model, or a function: neither fits into a config
            self.model = None
            self._open(model, ())
            self.built = True

    def configure(self, features: FeatureSpec) -> None:
        if features.vocabulary_size is not None and (self.scale, self.offset, self.channels) != (1.0, 0.0, "rgb"):
            raise ValueError("scale, offset and channels are for numbers. Received token ids. Leave them out.")

    def _open(self, source: Any, features_shape: Any) -> keras.Model:
        network = open_network(source, self.weights_from, self.layer, tuple(features_shape)[1:])
        if self.trained is not False and not network.trainable_variables:
            raise ValueError(
                f"A network without trainable weights, such as a SavedModel's, stays frozen. Received trainable="
                f"{self.trained!r}. Pass trainable=False, or the network as a Keras model."
            )
        freeze(network, self.trained)
        self._network = network
        return network

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        if self._network is None:
            if self.model is None:
                raise ValueError(
                    "A PretrainedEncoder has a network. Received model=None. Pass a path or a keras.Model."
                )
            self._open(self.model, features_shape)
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        network: Any = self._network
        inputs = [ops.cast(self._scaled(features), network.inputs[0].dtype)]
        if len(network.inputs) == 2:
            shown = ops.ones_like(features[..., 0] if len(features.shape) == 3 else features, dtype="bool")
            inputs.append(ops.cast(shown if step_mask is None else step_mask, network.inputs[1].dtype))
        outputs = network(inputs if len(inputs) > 1 else inputs[0], training=bool(training) and self.trainable)
        _, steps, width = self._tokens_shape(features.shape)
        tokens = ops.cast(ops.reshape(outputs, (-1, steps, width)), self.compute_dtype)
        return tokens if step_mask is None or step_mask.shape[1] != steps else (tokens, step_mask)

    def _scaled(self, features: Any) -> Any:
        if keras.backend.is_int_dtype(features.dtype):
            return features
        numbers = ops.cast(features, "float32")
        if self.channels == "grey":
            numbers = ops.sum(numbers * np.array(_GREY, "float32"), axis=-1, keepdims=True)
        elif self.channels == "bgr":
            numbers = ops.flip(numbers, axis=-1)
        return numbers * np.array(self.scale, "float32") + np.array(self.offset, "float32")

    def _tokens_shape(self, features_shape: Any) -> tuple[Any, int, int]:
        network: Any = self._network
        given = (None, *features_shape[1:-1], 1) if self.channels == "grey" else (None, *features_shape[1:])
        wanted = tuple(network.inputs[0].shape)
        fits = len(given) == len(wanted) and all(one in (None, other) for one, other in zip(wanted, given, strict=True))
        if len(network.inputs) > 2 or not fits:
            raise ValueError(
                f"A network gets what it was made for. Received features {given[1:]} for {network.name!r}, which takes "
                f"{', '.join(str(tuple(each.shape[1:])) for each in network.inputs)}. Change the modality's size or "
                "length, or channels."
            )
        shape = network.compute_output_shape([given, given[:2]] if len(network.inputs) == 2 else given)
        return (features_shape[0], int(np.prod(shape[1:-1], dtype=int)), int(shape[-1]))

    def grid(self, features_shape: Any) -> tuple[int, int] | None:
        shape = () if self._network is None else self._network.output_shape
        steps = self._tokens_shape(features_shape)[1] if len(features_shape) == len(shape) == 4 else 0
        # The network may have been made for pictures of any size.
        return closest_grid(steps, features_shape) if steps else None

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        if self._network is None:
            self.build(features_shape)
        tokens = self._tokens_shape(features_shape)
        return (
            tokens if step_mask_shape is None or step_mask_shape[1] != tokens[1] else (tokens, tuple(step_mask_shape))
        )

    def get_config(self) -> dict[str, Any]:
        # Once there is a network, its weights are in the saved file, and theirs may be gone.
        there = self._network is not None
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self._network) if there else self.model,
            "weights": None if there else self.weights_from,
            "layer": None if there else self.layer,
            "trainable": self.trained if self.trainable else False,
            "scale": self.scale,
            "offset": self.offset,
            "channels": self.channels,
        }
