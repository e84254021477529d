"""What the other modalities say, for fusions in which each modality is steered by the rest."""

from __future__ import annotations

from typing import Any

from keras import ops


def others_mean(vectors: Any, shown: Any) -> Any:
    """For each modality the mean of all others that are present.

    Args:
        vectors: `(batch, modalities, width)`.
        shown: `bool (batch, modalities)`.

    Returns:
        `(batch, modalities, width)`; zeros where no other modality is present. A model of one modality gets it back.
    """
    if vectors.shape[1] == 1:
        return ops.where(shown[:, :, None], vectors, ops.zeros_like(vectors))
    weights = ops.cast(shown, vectors.dtype)[:, :, None]
    seen = ops.where(shown[:, :, None], vectors, ops.zeros_like(vectors))
    counts = ops.sum(weights, axis=1, keepdims=True) - weights
    return (ops.sum(seen, axis=1, keepdims=True) - seen) / ops.maximum(counts, 1)
