"""What stands in the graph for a modality that a record may lack."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from multimodal_keras.registry import register


@register
class AbsentZeros(keras.layers.Layer):
    """Zeroes the tensor of an absent modality before anything reads it, so that its content can influence nothing.

    By choosing, never by multiplying: a NaN in an absent field would leak through a product, forwards and backwards.

    Call arguments:
        tensor: `(batch, ...)` of any dtype.
        present: `bool (batch,)`.

    Returns:
        The tensor, zeros where `present` is false.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"autocast": False, **kwargs})

    def call(self, tensor: Any, present: Any) -> Any:
        # LiteRT's SELECT_V2 knows no uint8.
        wide = ops.cast(tensor, "int32") if tensor.dtype == "uint8" else tensor
        return ops.cast(ops.where(_like(present, wide), wide, ops.zeros_like(wide)), tensor.dtype)

    def compute_output_spec(self, tensor: Any, present: Any) -> Any:
        return keras.KerasTensor(tensor.shape, dtype=tensor.dtype)


@register
class ModalityDropout(keras.layers.Layer):
    """Drops whole modalities, record by record, while training, so that the model learns to do without them.

    One draw for each record and modality. If every modality of the model is optional, at least one stays: the one with
    the largest draw.

    Args:
        rate: the probability with which a present modality is dropped.
        keep_one: whether at least one of these has to stay; false if the model has a modality that is never absent.
        seed: of the draws.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        present: dict of modality to `bool (batch,)`.
        training: whether to drop.

    Returns:
        A dict like `present`.

    Raises:
        ValueError: if the rate is not in [0, 1).

    Reference:
        Neverova et al., ModDrop: adaptive multi-modal gesture recognition (arXiv:1501.00102).
    """

    def __init__(self, rate: float = 0.0, *, keep_one: bool = True, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"The rate of modality dropout is in [0, 1). Received {rate!r}. Change it.")
        self.rate = float(rate)
        self.keep_one = bool(keep_one)
        self.seed = seed
        self._draws = keras.random.SeedGenerator(seed)

    def call(self, present: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        names = sorted(present)
        if not training or not self.rate:
            return {name: present[name] for name in names}
        shown = ops.stack([present[name] for name in names], axis=1)
        draws = keras.random.uniform(ops.shape(shown), seed=self._draws)
        draws = ops.where(shown, draws, -1.0)
        kept = draws >= self.rate
        if self.keep_one:
            kept = ops.logical_or(kept, draws >= ops.max(draws, axis=1, keepdims=True))
        kept = ops.logical_and(shown, kept)
        return {name: kept[:, index] for index, name in enumerate(names)}

    def compute_output_spec(self, present: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        return {name: keras.KerasTensor(present[name].shape, dtype="bool") for name in sorted(present)}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "keep_one": self.keep_one, "seed": self.seed}


@register
class Missing(keras.layers.Layer):
    """Puts the tokens of an absent modality into the form that the fusion asks for.

    Args:
        form: `"exclude"`, zeros and an all-False mask; `"embed"`, one learned token as the only visible step; or
            `"zeros"`, a token of zeros there, where nothing could be learned.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens: `(batch, steps, width)`.
        present: `bool (batch,)`.
        step_mask: `bool (batch, steps)` or None.

    Returns:
        `(tokens, step_mask)`, of the same shapes.

    Raises:
        ValueError: for another form.
    """

    def __init__(self, form: str = "exclude", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if form not in ("exclude", "embed", "zeros"):
            raise ValueError(f"A fusion's `missing` is 'exclude' or 'embed'. Received {form!r}.")
        self.form = form

    def build(self, tokens_shape: Any, present_shape: Any = None, step_mask_shape: Any = None) -> None:
        if self.form == "embed":
            self._token = self.add_weight(
                name="token", shape=(tokens_shape[-1],), initializer=keras.initializers.RandomNormal(stddev=0.02)
            )
        self.built = True

    def call(self, tokens: Any, present: Any, step_mask: Any = None) -> tuple[Any, Any]:
        shown = _like(present, tokens)
        steps = shown[:, :, 0] if step_mask is None else ops.logical_and(shown[:, :, 0], step_mask)
        steps = ops.logical_and(steps, ops.ones_like(tokens[:, :, 0], dtype="bool"))
        if self.form == "exclude":
            return ops.where(shown, tokens, ops.zeros_like(tokens)), steps
        first = ops.broadcast_to(ops.arange(tokens.shape[1]) == 0, ops.shape(steps))
        token = self._token if self.form == "embed" else ops.zeros(tokens.shape[-1:])
        stand_in = ops.cast(token, tokens.dtype) * ops.cast(ops.expand_dims(first, -1), tokens.dtype)
        return ops.where(shown, tokens, stand_in), ops.where(shown[:, :, 0], steps, first)

    def compute_output_spec(self, tokens: Any, present: Any, step_mask: Any = None) -> tuple[Any, Any]:
        return (
            keras.KerasTensor(tokens.shape, dtype=tokens.dtype),
            keras.KerasTensor(tokens.shape[:2], dtype="bool"),
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "form": self.form}


def _like(present: Any, tensor: Any) -> Any:
    """`present` with as many dimensions as the tensor has, to choose by."""
    return ops.reshape(present, (-1, *[1] * (len(tensor.shape) - 1)))
