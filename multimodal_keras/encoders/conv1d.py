"""Conv1D encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from multimodal_keras.encoders.sequence import SequenceEncoder
from multimodal_keras.registry import register


@register
class Conv1DEncoder(SequenceEncoder):
    """Convolutions of several widths side by side over tokens or frames: the learned counterpart of n-grams.

    Use it over characters where texts are short and records few: pieces of words say much there, and it finds them
    wherever they stand. Tokens are as many as steps.

    Args:
        filters: how many for each kernel size.
        kernel_sizes: the widths of the convolutions, in steps.
        embedding_width: the width of the token embedding; unused for frames.
        dropout: the rate of dropout on the embedded inputs.
        vocabulary_size: how many token ids there are. `build_model` fills it in.
        embeddings: `WordVectors`, or the path of a file of some, with which the token embedding begins.
        train_embeddings: whether the token embedding is trained.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `int (batch, steps)` token ids, or `(batch, steps, channels)` frames.
        step_mask: `bool (batch, steps)` or None. What stands in steps that do not count is taken for zeros.

    Returns:
        Tokens `(batch, steps, filters * len(kernel_sizes))`, with `step_mask` if one was given. Pooled by the maximum.

    Raises:
        ValueError: if no kernel size is named, or the features have another rank.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> encoder = mk.Conv1DEncoder(filters=8, kernel_sizes=(2, 3), vocabulary_size=100)
    >>> encoder(np.array([[5, 7, 0]])).shape
    TensorShape([1, 3, 16])

    Reference:
        Kim, Convolutional Neural Networks for Sentence Classification (arXiv:1408.5882).
    """

    default_pooling = "max"

    def __init__(self, filters: int = 128, *, kernel_sizes: Sequence[int] = (3, 4, 5), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = int(filters)
        self.kernel_sizes = tuple(int(size) for size in kernel_sizes)
        if not self.kernel_sizes or min(*self.kernel_sizes, self.filters) < 1:
            raise ValueError(
                f"filters and kernel_sizes are at least 1. Received filters={filters}, kernel_sizes={kernel_sizes!r}."
            )
        self._convolutions = [
            keras.layers.Conv1D(self.filters, size, padding="same", activation="relu", dtype=self.dtype_policy)
            for size in self.kernel_sizes
        ]

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        shape = self.build_inputs(features_shape)
        for convolution in self._convolutions:
            convolution.build(shape)
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        inputs = self.embed(features, training)
        if step_mask is not None:
            inputs = ops.where(ops.expand_dims(step_mask, -1), inputs, ops.zeros_like(inputs))
        tokens = ops.concatenate([convolution(inputs) for convolution in self._convolutions], axis=-1)
        return tokens if step_mask is None else (tokens, step_mask)

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        tokens = (features_shape[0], features_shape[1], self.filters * len(self.kernel_sizes))
        return tokens if step_mask_shape is None else (tokens, tuple(step_mask_shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "kernel_sizes": list(self.kernel_sizes)}
