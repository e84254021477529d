"""Slow down the encoder that learns fastest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from multimodal_keras.registry import register
from multimodal_keras.schemes.scheme import Scheme, chosen_fields
from multimodal_keras.schemes.seen import Looker, Seen, Term
from multimodal_keras.schemes.unimodal_heads import UnimodalHeads


@register
class GradientModulationScheme(Scheme):
    """On-the-fly gradient modulation with generalisation enhancement (OGM-GE) against one modality that dominates.

    In each step the modalities are scored by the probability that each alone gives to the right label. The encoder of
    one that is better than the others gets its gradient times `1 - tanh(alpha * ratio)`, where the ratio is its score
    by the mean of the others'; the rest learn as ever. Noise with the gradient's own deviation is added to the kernels
    of all encoders. One backward pass. Use it where a modality alone does well and the model hardly uses the others.

    The paper reads the scores off the two halves of one linear layer. Here small heads are trained on the pooled tokens
    to read them off, whatever the fusion; no encoder learns from these.

    Args:
        alpha: how strongly the better one is slowed down.
        noise: the noise's deviation in shares of the gradient's; 0 for none (OGM).
        epochs: `(first, last)`, counted from 1, between which gradients are modulated; None for all.
        seed: of the noise; None for Keras's own.
        **kwargs: `weight` of the small heads' losses, and Keras's own (`name`).

    Raises:
        ValueError: for an alpha or a noise below 0, or a model of one modality.

    Example:

    >>> import multimodal_keras as mk
    >>> scheme = mk.GradientModulationScheme(alpha=0.5)
    >>> [round(float(each), 3) for each in scheme.coefficients([0.8, 0.4])]  # 1 - tanh(0.5 * 0.8 / 0.4)
    [0.238, 1.0]

    Reference:
        Peng et al., Balanced Multimodal Learning via On-the-fly Gradient Modulation (arXiv:2203.15332).
    """

    def __init__(
        self,
        *,
        alpha: float = 0.5,
        noise: float = 1.0,
        epochs: Sequence[int] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not (alpha >= 0 and noise >= 0):
            raise ValueError(f"alpha and noise are not below 0. Received {alpha!r} and {noise!r}. Raise them.")
        self.alpha, self.noise, self.seed = float(alpha), float(noise), seed
        self.epochs = None if epochs is None else (int(epochs[0]), int(epochs[1]))
        self._draws = keras.random.SeedGenerator(seed)

    def create(self, look: Looker) -> None:
        fields = chosen_fields(look, None, 2, type(self).__name__)
        self.heads = UnimodalHeads(look, fields)
        encoders = look.found.encoders
        self._place = {
            id(variable): place
            for place, field in enumerate(fields)
            for variable in encoders[field].trainable_variables
        }

    def term_names(self) -> list[str]:
        return [f"probe_{field}" for field in self.heads.fields]

    def terms(self, seen: Seen) -> dict[str, Term]:
        return {f"probe_{field}": self.heads.loss(seen, field, detached=True) for field in self.heads.fields}

    def coefficients(self, scores: Any) -> Any:
        """What each modality's gradient is multiplied by.

        Args:
            scores: of each modality, above 0, `float32 (modalities,)`.

        Returns:
            `float32 (modalities,)`, in (0, 1].
        """
        scores = ops.convert_to_tensor(scores, "float32")
        others = (ops.sum(scores) - scores) / (scores.shape[0] - 1)
        ratios = scores / ops.maximum(others, 1e-12)
        return ops.where(ratios > 1, 1 - ops.tanh(self.alpha * ratios), 1.0)

    def modulate(self, seen: Seen, gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        scores = [ops.stop_gradient(self.heads.score(seen, field)) for field in self.heads.fields]
        first, last = self.epochs or (1, 2**31 - 2)
        on = ops.logical_and(seen.epoch + 1 >= first, seen.epoch + 1 <= last)
        factors = ops.where(on, self.coefficients(ops.stack(scores)), 1.0)
        return [self._one(each, variable, factors, on) for each, variable in zip(gradients, variables, strict=True)]

    def _one(self, gradient: Any, variable: Any, factors: Any, on: Any) -> Any:
        place = self._place.get(id(variable))
        if gradient is None or place is None:
            return gradient
        gradient = tf.convert_to_tensor(gradient)
        changed = gradient * ops.cast(factors[place], gradient.dtype)
        if not self.noise or len(variable.shape) < 2:
            return changed
        draws = keras.random.normal(variable.shape, dtype=gradient.dtype, seed=self._draws)
        spread = ops.where(on, self.noise * ops.std(changed), 0.0)
        return changed + draws * ops.cast(spread, gradient.dtype)

    def get_config(self) -> dict[str, Any]:
        epochs = None if self.epochs is None else list(self.epochs)
        more = {"alpha": self.alpha, "noise": self.noise, "epochs": epochs, "seed": self.seed}
        return {**super().get_config(), **more}
