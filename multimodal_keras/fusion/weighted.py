"""A learned weight for each modality."""

from __future__ import annotations

from typing import Any

from keras import ops

from multimodal_keras.base.fusion import presence
from multimodal_keras.base.steps import masked_softmax
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class WeightedFusion(CommonWidthFusion):
    """One learned weight for each modality, by a softmax over those that are present.

    Use it where one number per modality is to be read off the model: see `weights_by_name`.

    Args:
        width: the width of the projections and of the answer.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`; zeros where nothing is present.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> fusion = mk.WeightedFusion(width=6)
    >>> fusion({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])
    >>> fusion.weights_by_name()
    {'a': 0.5, 'b': 0.5}

    Reference:
        Kiela et al., Dynamic Meta-Embeddings for Improved Sentence Representations (arXiv:1804.07983), with weights that
        do not depend on the record.
    """

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        self._logits = self.add_weight(name="logits", shape=(len(tokens_shape),), initializer="zeros", dtype="float32")

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        shown = ops.stack(list(presence(tokens, present).values()), axis=1)
        scores = ops.broadcast_to(ops.cast(self._logits, "float32"), ops.shape(shown))
        weights = ops.cast(masked_softmax(scores, shown), self.compute_dtype)
        return ops.sum(ops.stack(list(vectors.values()), axis=1) * ops.expand_dims(weights, -1), axis=1)

    def weights_by_name(self) -> dict[str, float]:
        """The weight of each modality where all are present; they sum to 1."""
        weights = ops.convert_to_numpy(ops.softmax(ops.cast(self._logits, "float32")))
        return dict(zip(sorted(self._projections), (float(weight) for weight in weights), strict=True))
