"""Weights of the modalities' own losses by how much they generalise and how little they overfit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.registry import register
from multimodal_keras.schemes.scheme import Scheme, chosen_fields
from multimodal_keras.schemes.seen import Looker, Seen, Term
from multimodal_keras.schemes.unimodal_heads import UnimodalHeads, unimodal_name

_LEAST = 1e-6


@register
class GradientBlendScheme(Scheme):
    """Gradient-Blend, online: a head for each modality alone, and weights for these and for the model's own heads.

    A weight is proportional to `G / O^2`: `G` is how far the validation loss fell over the last `every` epochs, `O` how
    much the gap between validation and training loss grew. All weights are equal until the first estimate (after `every
    + 1` epochs), sum to 1, and stay as they are where nothing generalised. One backward pass. Use it where the joint
    model is no better than its best modality because modalities overfit at different rates. Needs validation records.

    The paper trains a copy of each single network to estimate the ratios; here the single heads are trained in the same
    run, on the encoders that they share with the model, and their own losses of each epoch are taken. Training losses
    are means over the epoch, with dropout.

    Args:
        every: epochs between two estimates (a super-epoch).
        **kwargs: Keras's own (`name`).

    Raises:
        ValueError: for `every` below 1, or a model of one modality.

    Example:

    >>> import multimodal_keras as mk
    >>> from multimodal_keras.schemes.gradient_blend import blend
    >>> train, valid = [[1.0, 1.0], [0.5, 0.2]], [[1.0, 1.0], [0.7, 0.8]]  # two heads, before and after
    >>> [round(float(each), 2) for each in blend(train, valid)]  # 0.3 / 0.2^2 and 0.2 / 0.6^2
    [0.93, 0.07]

    Reference:
        Wang et al., What Makes Training Multi-Modal Classification Networks Hard? (arXiv:1905.12681).
    """

    def __init__(self, *, every: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.every = whole("every", every)

    @property
    def needs_validation(self) -> bool:
        return True

    def create(self, look: Looker) -> None:
        fields = chosen_fields(look, None, 2, type(self).__name__)
        self.heads = UnimodalHeads(look, fields)
        count = len(fields) + 1  # the last one is the model's own loss
        self.blended = self._variable("blended", (count,), 1 / count)
        # Training and validation losses at the last estimate.
        self._anchor = self._variable("anchor", (2, count), float("nan"))

    def _variable(self, name: str, shape: tuple[int, ...], value: float) -> Any:
        start = keras.initializers.Constant(value)
        return self.add_weight(name=name, shape=shape, initializer=start, trainable=False, dtype="float32")

    def term_names(self) -> list[str]:
        return [unimodal_name(field) for field in self.heads.fields]

    def terms(self, seen: Seen) -> dict[str, Term]:
        return {unimodal_name(field): self.heads.loss(seen, field) for field in self.heads.fields}

    def total(self, terms: dict[str, Term], epoch: Any) -> Any:
        losses = ops.stack([terms[name].loss for name in self.term_names()])
        return ops.sum(ops.convert_to_tensor(self.blended)[:-1] * losses)

    def share_of_tasks(self, epoch: Any) -> Any:
        return ops.convert_to_tensor(self.blended)[-1]

    def end_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        if epoch % self.every:
            return
        names = [*(f"{name}_loss" for name in self.term_names()), "loss"]
        now = np.array([[logs[name] for name in names], [logs[f"val_{name}"] for name in names]])
        before = np.asarray(self._anchor)
        if not np.isnan(before).any():
            found = blend(np.stack([before[0], now[0]]), np.stack([before[1], now[1]]))
            if found is not None:
                self.blended.assign(found)
        self._anchor.assign(now)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "every": self.every}


def blend(train: Any, valid: Any) -> np.ndarray | None:
    """Weights from the losses of some heads before and after: `G / O^2`, summing to 1.

    Args:
        train: training losses, `(2, heads)`.
        valid: validation losses, `(2, heads)`.

    Returns:
        `(heads,)`; None where no validation loss fell.
    """
    train, valid = np.asarray(train, float), np.asarray(valid, float)
    generalised = np.maximum(valid[0] - valid[1], 0.0)
    overfitted = (valid[1] - train[1]) - (valid[0] - train[0])
    weights = generalised / np.maximum(overfitted**2, _LEAST)
    return weights / weights.sum() if weights.sum() > 0 else None
