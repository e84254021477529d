"""What fusions share that need all modalities in one width."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.base import Fusion
from multimodal_keras.base.fusion import presence
from multimodal_keras.base.numbers import whole
from multimodal_keras.base.steps import width_of


class CommonWidthFusion(Fusion):
    """Base class of fusions that first project every modality to one width.

    Args:
        width: the width of the projections (unless `projection_width` says otherwise) and of the answer.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).
    """

    def __init__(self, width: int = 128, *, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = whole("width", width)
        self.dropout = float(dropout)
        self._projections: dict[str, keras.layers.Dense] = {}
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def build(self, tokens_shape: Any, masks_shape: Any = None, present_shape: Any = None) -> None:
        for name in sorted(tokens_shape):
            projection = keras.layers.Dense(self.projection_width, dtype=self.dtype_policy, name=f"project_{name}")
            projection.build((None, width_of(tuple(tokens_shape[name]))))
            self._projections[name] = projection
        self.build_fusion({name: tuple(tokens_shape[name]) for name in sorted(tokens_shape)})
        self.built = True

    @property
    def projection_width(self) -> int:
        """The width of the projections, where it is not that of the answer."""
        return self.width

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        """Make the weights of the fusion itself."""

    def projected(self, values: dict[str, Any], training: bool | None) -> dict[str, Any]:
        """Vectors or tokens of every modality, `(..., width)`, sorted by name."""
        return {
            name: self._dropout(self._projections[name](values[name]), training=training) for name in sorted(values)
        }

    def stacked(self, tokens: Any, masks: Any, present: Any, training: bool | None) -> tuple[Any, Any]:
        """The projected vector of every modality, and which of them count.

        Returns:
            `(batch, modalities, projection_width)`, and `bool (batch, modalities)`; modalities sorted by name.
        """
        vectors = self.projected(self.vectors(tokens, masks), training)
        shown = ops.stack(list(presence(tokens, present).values()), axis=1)
        return ops.stack(list(vectors.values()), axis=1), shown

    def compute_output_shape(self, tokens_shape: Any, masks_shape: Any = None, present_shape: Any = None) -> Any:
        first = tokens_shape[min(tokens_shape)]
        return (first[0], self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "dropout": self.dropout}
