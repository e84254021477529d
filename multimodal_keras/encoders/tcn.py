"""TCN encoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.encoders.sequence import SequenceEncoder
from multimodal_keras.registry import register


@register
class TCNEncoder(SequenceEncoder):
    """A temporal convolutional network: residual blocks of causal convolutions whose dilation doubles from block to block.

    The default for time series. A step sees itself and what came before, `receptive_field` steps in all, so that padding
    on the right can influence nothing; unlike a recurrence, all steps are computed at once. Layer normalisation stands
    where the paper has weight normalisation.

    Args:
        filters: the width of every block.
        kernel_size: steps that a convolution sees.
        layers: how many blocks; the dilation of block i, from 0, is `2**i`.
        dropout: the rate of dropout on whole channels after each convolution, and on embedded inputs.
        embedding_width: the width of the token embedding; unused for frames.
        vocabulary_size: how many token ids there are. `build_model` fills it in.
        embeddings: `WordVectors`, or the path of a file of some, with which the token embedding begins.
        train_embeddings: whether the token embedding is trained.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, steps, channels)` frames, or `int (batch, steps)` token ids.
        step_mask: `bool (batch, steps)` or None; the steps that count come first.

    Returns:
        Tokens `(batch, steps, filters)`, with `step_mask` if one was given. Pooled by the mean.

    Raises:
        ValueError: for an argument below 1, or features of another rank.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> encoder = mk.TCNEncoder(filters=8, kernel_size=3, layers=2)
    >>> encoder(np.zeros((2, 5, 3), "float32")).shape, encoder.receptive_field
    (TensorShape([2, 5, 8]), 13)

    Reference:
        Bai, Kolter and Koltun, An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
        Modeling (arXiv:1803.01271).
    """

    default_pooling = "mean"

    def __init__(self, filters: int = 64, *, kernel_size: int = 5, layers: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if min(filters, kernel_size, layers) < 1:
            raise ValueError(
                f"filters, kernel_size and layers are at least 1. Received {filters}, {kernel_size}, {layers}. Raise them."
            )
        self.filters = int(filters)
        self.kernel_size = int(kernel_size)
        self.layers = int(layers)
        self._channel_dropout = keras.layers.SpatialDropout1D(self.dropout, dtype=self.dtype_policy)
        self._project: keras.layers.Dense | None = None
        self._blocks = [[self._stage(2**layer) for _ in range(2)] for layer in range(self.layers)]

    @property
    def receptive_field(self) -> int:
        """How many steps the last token depends on."""
        return 1 + 2 * (self.kernel_size - 1) * (2**self.layers - 1)

    def _stage(self, dilation: int) -> list[keras.layers.Layer]:
        policy = self.dtype_policy
        convolution = keras.layers.Conv1D(
            self.filters, self.kernel_size, dilation_rate=dilation, padding="causal", dtype=policy
        )
        return [convolution, keras.layers.LayerNormalization(epsilon=1e-6, dtype=policy)]

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        shape = self.build_inputs(features_shape)
        if shape[-1] != self.filters:
            self._project = keras.layers.Dense(self.filters, dtype=self.dtype_policy, name="project")
            self._project.build(shape)
        for block in self._blocks:
            for convolution, norm in block:
                convolution.build(shape)
                shape = (*shape[:2], self.filters)
                norm.build(shape)
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        tokens = self.embed(features, training)
        for number, block in enumerate(self._blocks):
            inner = tokens
            for convolution, norm in block:
                inner = self._channel_dropout(ops.relu(norm(convolution(inner))), training=training)
            kept = self._project(tokens) if number == 0 and self._project is not None else tokens
            tokens = ops.relu(kept + inner)
        return tokens if step_mask is None else (tokens, step_mask)

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        tokens = (features_shape[0], features_shape[1], self.filters)
        return tokens if step_mask_shape is None else (tokens, tuple(step_mask_shape))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "layers": self.layers,
        }
