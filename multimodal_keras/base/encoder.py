"""The contract of an encoder: features to tokens."""

from __future__ import annotations

from typing import Any

import keras

from multimodal_keras.base.modality import FeatureSpec


class Encoder(keras.layers.Layer):
    """Turns the features of one modality into tokens. It does not know which modality that is.

    A subclass sets `default_pooling`, and implements `call` and `compute_output_shape`. Prefer LayerNormalization or
    GroupNormalization: batch statistics would carry absent records into present ones.

    Call arguments:
        features: what the modality's `call` returned, for instance `int32 (batch, steps)` token ids,
            `(batch, steps, channels)` frames or `(batch, height, width, 3)` pixels in [0, 1].
        step_mask: `bool (batch, steps)`, or None if every step counts. Steps that count come first.
        training: whether dropout is active.

    Returns:
        Tokens `(batch, steps, width)`, or a pair of tokens and a `bool` step mask.
    """

    default_pooling = "mean"

    def configure(self, features: FeatureSpec) -> None:
        """Take over what only the modality knows, such as the size of its vocabulary. Called before `build`."""

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        raise NotImplementedError
