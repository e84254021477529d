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
    # Of an encoder whose single token counts ids: the id that its first number counts.
    first_counted_id: int | None = None

    def configure(self, features: FeatureSpec) -> None:
        """Take over what only the modality knows, such as the size of its vocabulary. Called before `build`."""

    def grid(self, features_shape: Any) -> tuple[int, int] | None:
        """Rows and columns of a picture's cells, where its last tokens are these, row by row; None where they are not."""
        return None

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        raise NotImplementedError

    def compute_output_spec(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        # Keras would take the mask for numbers of the compute dtype.
        shape = self.compute_output_shape(features.shape, None if step_mask is None else step_mask.shape)
        if isinstance(shape[0], tuple):
            tokens, mask = shape
            return keras.KerasTensor(tokens, dtype=self.compute_dtype), keras.KerasTensor(mask, dtype="bool")
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        """The shape of the tokens, or the pair of shapes of tokens and step mask."""
        raise NotImplementedError
