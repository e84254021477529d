"""A weight for each modality, learned or given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from multimodal_keras.base.fusion import presence
from multimodal_keras.base.steps import masked_softmax
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.registry import register


@register
class WeightedFusion(CommonWidthFusion):
    """The sum of the modalities, each times one number: `F = sum of w_m F_m`, over those that are present.

    Use it where one number per modality is to be read off the model (see `weights_by_name`), or is known beforehand. Learned
    weights are a softmax; either kind is brought to the sum 1 over what is present.

    Args:
        width: the width of the projections and of the answer.
        weights: modality to its fixed weight, above 0; None to learn them.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`; zeros where nothing is present.

    Raises:
        ValueError: if a weight is not above 0, or they are not for exactly the modalities of the model.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> fusion = mk.WeightedFusion(width=6)
    >>> fusion({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])
    >>> fusion.weights_by_name()
    {'a': 0.5, 'b': 0.5}

    Reference:
        Kiela et al., Dynamic Meta-Embeddings for Improved Sentence Representations (arXiv:1804.07983), with weights
        that do not depend on the record.
    """

    def __init__(self, width: int = 128, *, weights: Mapping[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        if weights is not None and not all(weight > 0 for weight in weights.values()):
            raise ValueError(
                f"A modality's weight is above 0. Received {dict(weights)}. Leave the modality out instead."
            )
        self._fixed = None if weights is None else {name: float(weights[name]) for name in sorted(weights)}

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        if self._fixed is not None and list(self._fixed) != sorted(tokens_shape):
            raise ValueError(
                f"Fixed weights are for each modality of the model: {', '.join(sorted(tokens_shape))}. "
                f"Received some for {', '.join(self._fixed)}. Name the same."
            )
        start = [0.0] * len(tokens_shape) if self._fixed is None else np.log(list(self._fixed.values()))
        self._logits = self.add_weight(
            name="logits",
            shape=(len(tokens_shape),),
            initializer=lambda shape, dtype: ops.convert_to_tensor(start, dtype),
            dtype="float32",
            trainable=self._fixed is None,
        )

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

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": self._fixed}
