"""The contract of a fusion: the tokens of all modalities to one vector."""

from __future__ import annotations

from typing import Any

import keras

from multimodal_keras.base.steps import check_pooling, pool


class Fusion(keras.layers.Layer):
    """Combines modalities. Every fusion iterates over `sorted(tokens)`, so the order of the dicts changes nothing.

    A subclass sets `missing` and implements `build`, `call` and `compute_output_shape`:

    * `missing = "exclude"`: an absent modality arrives as zeros with an all-False mask, and counts for nothing;
    * `missing = "embed"`: it arrives as one learned token, for fusions that cannot leave a slot out.

    With nothing present the output is finite and depends on no content.

    Args:
        pooling: how a modality's tokens become one vector: `"last"`, `"max"`, `"mean"`, a dict of these by modality,
            or None for each encoder's own default.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens: dict of modality to `(batch, steps, width)`.
        masks: dict of modality to `bool (batch, steps)` or None; None for no masks at all.
        present: dict of modality to `bool (batch,)` or None (never absent); None if none is optional.
        training: whether dropout is active.

    Returns:
        The fused vector `(batch, width)`.
    """

    missing = "exclude"

    def __init__(self, *, pooling: str | dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for how in pooling.values() if isinstance(pooling, dict) else [pooling] if pooling else []:
            check_pooling(how)
        self._pooling = pooling if pooling is None or isinstance(pooling, str) else dict(pooling)

    def configure(self, poolings: dict[str, str]) -> None:
        """Take over each encoder's default pooling where the user named none. Called before `build`."""
        if not isinstance(self._pooling, str):
            self._pooling = {**poolings, **(self._pooling or {})}

    def vectors(self, tokens: dict[str, Any], masks: dict[str, Any] | None) -> dict[str, Any]:
        """One vector `(batch, width)` for each modality, sorted by name."""
        return {name: pool(tokens[name], (masks or {}).get(name), self.pooling_of(name)) for name in sorted(tokens)}

    def pooling_of(self, name: str) -> str:
        """How the tokens of this modality are pooled; `"mean"` if nobody said."""
        return self._pooling if isinstance(self._pooling, str) else (self._pooling or {}).get(name, "mean")

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        pooling = self._pooling if self._pooling is None or isinstance(self._pooling, str) else dict(self._pooling)
        return {**super().get_config(), "pooling": pooling}


def presence(tokens: dict[str, Any], present: dict[str, Any] | None) -> dict[str, Any]:
    """`bool (batch,)` for every modality, all true for those that are never absent."""
    from_first = next(iter(tokens.values()))
    everyone = keras.ops.ones(keras.ops.shape(from_first)[:1], dtype="bool")
    given = present or {}
    return {name: everyone if given.get(name) is None else given[name] for name in sorted(tokens)}


def shown_steps(tokens: Any, mask: Any, shown: Any) -> Any:
    """Which steps of a modality count: none where it is absent.

    Args:
        tokens: `(batch, steps, width)`.
        mask: `bool (batch, steps)`, or None.
        shown: `bool (batch,)`, whether the modality is present.

    Returns:
        `bool (batch, steps)`.
    """
    steps = keras.ops.broadcast_to(keras.ops.expand_dims(shown, 1), keras.ops.shape(tokens)[:2])
    return steps if mask is None else keras.ops.logical_and(steps, mask)
