"""Tokens and their step mask: explicit tensors, because most Keras layers drop an implicit mask silently."""

from __future__ import annotations

from typing import Any

from keras import ops


def split_steps(output: Any) -> tuple[Any, Any]:
    """Take apart what a modality or an encoder returned.

    Args:
        output: a tensor, or a pair `(tensor, step_mask)`. A Keras layer cannot return None in a functional model.

    Returns:
        `(tensor, step_mask)`, where the mask is None if every step counts.
    """
    return tuple(output) if isinstance(output, (tuple, list)) else (output, None)


def masked_mean(tokens: Any, mask: Any) -> Any:
    """The mean over the steps that count.

    Args:
        tokens: `(batch, steps, width)`.
        mask: `bool (batch, steps)`, or None.

    Returns:
        `(batch, width)`; zeros where no step counts. The weights are normalised first, which an integer-quantized
        model needs: their sum of products stays in the range of the tokens.
    """
    if mask is None:
        return ops.mean(tokens, axis=1)
    weights = ops.cast(mask, tokens.dtype)
    weights = weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1)
    return ops.sum(tokens * ops.expand_dims(weights, -1), axis=1)


def masked_max(tokens: Any, mask: Any) -> Any:
    """The maximum over the steps that count, `(batch, width)`; zeros where none does."""
    if mask is None:
        return ops.max(tokens, axis=1)
    shown = ops.expand_dims(mask, -1)
    lowest = ops.cast(-3e4, tokens.dtype)
    largest = ops.max(ops.where(shown, tokens, lowest), axis=1)
    return ops.where(ops.any(shown, axis=1), largest, ops.zeros_like(largest))


def last_step(tokens: Any, mask: Any) -> Any:
    """The last step that counts in a right-padded sequence, `(batch, width)`; zeros where none does."""
    if mask is None:
        return tokens[:, -1]
    last = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True) - 1
    chosen = ops.cast(ops.equal(ops.arange(tokens.shape[1], dtype="int32")[None], last), tokens.dtype)
    return ops.sum(tokens * ops.expand_dims(chosen, -1), axis=1)


POOLINGS = {"last": last_step, "max": masked_max, "mean": masked_mean}


def masked_softmax(scores: Any, mask: Any, axis: int = -1) -> Any:
    """A softmax over the entries that count, in float32.

    Args:
        scores: any shape.
        mask: `bool`, broadcastable to `scores`, or None.
        axis: the axis that sums to one.

    Returns:
        float32 weights of the shape of `scores`; all zeros (not NaN, not uniform) where nothing counts.
    """
    scores = ops.cast(scores, "float32")
    if mask is None:
        return _softmax(scores, axis)
    shown = ops.broadcast_to(mask, ops.shape(scores))
    return ops.where(shown, _softmax(ops.where(shown, scores, -1e9), axis), 0.0)


def _softmax(scores: Any, axis: int) -> Any:
    # Keras warns about a softmax over a single entry, which a model of one modality has and means: ones, of gradient 0.
    return ops.exp(scores - scores) if scores.shape[axis] == 1 else ops.softmax(scores, axis=axis)


def pool(tokens: Any, mask: Any, how: str) -> Any:
    """Make one vector of a sequence of tokens.

    Args:
        tokens: `(batch, steps, width)`.
        mask: `bool (batch, steps)`, or None.
        how: `"last"`, `"max"` or `"mean"`.

    Returns:
        `(batch, width)`; zeros where no step counts.
    """
    return POOLINGS[check_pooling(how)](tokens, mask)


def check_pooling(how: str) -> str:
    """The name of a pooling, checked."""
    if how not in POOLINGS:
        raise ValueError(f"A pooling is one of {', '.join(sorted(POOLINGS))}. Received {how!r}. Choose one of these.")
    return how


def width_of(tensor: Any) -> int:
    """The static last dimension of a tensor or a shape."""
    shape = tensor.shape if hasattr(tensor, "shape") else tensor
    if shape[-1] is None:
        raise ValueError(f"Tokens have a static width. Received the shape {tuple(shape)}. Set the encoder's width.")
    return int(shape[-1])
