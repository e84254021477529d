"""Any KerasHub backbone as an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base import Encoder, FeatureSpec
from multimodal_keras.encoders.freezing import check_trainable, freeze
from multimodal_keras.encoders.grids import closest_grid
from multimodal_keras.encoders.hub_presets import backbone_of, keras_hub, scaling_of
from multimodal_keras.registry import register

_FIRST = 2  # ids 0 and 1 are padding and unknown; the tokenizer's begin here


@register
class HubEncoder(Encoder):
    """A backbone of KerasHub, BERT-like over tokens or ViT- and CLIP-like over pictures, by the preset's name or folder.

    Tokens are those of the preset's own tokenizer: `SequenceModality(unit="token", symbols=mk.hub_symbols(preset))`, whose
    values `mk.hub_tokens(preset, texts)` makes of texts. It cannot be part of `decode`: see there.

    Args:
        preset: a name that KerasHub knows (downloaded once), or a folder that `save_to_preset` wrote.
        trainable: False; True; or `"from:<layer>"`, which freezes what comes before that layer.
        lora_rank: of low-rank matrices that learn beside the frozen kernels of the attention, instead of these; None for
            none. Saving merges them into the kernels, so what is loaded again has no such matrices, and is frozen.
        scale: what pixels in [0, 1] are multiplied with, a number or one for each channel; None for the preset's own.
        offset: what is added then, likewise.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: pixels `(batch, height, width, 3)` in [0, 1], or `int (batch, steps)` ids.
        step_mask: `bool (batch, steps)` or None.

    Returns:
        Tokens `(batch, steps, width)`: the steps with `step_mask`, or the patches or cells of a picture. Pooled by the mean.

    Raises:
        ValueError: without KerasHub (the extra `hub`), for a preset that cannot be loaded, or features that are not the
            backbone's.

    Example:

    >>> import multimodal_keras as mk
    >>> mk.HubEncoder("vit_base_patch16_224_imagenet", lora_rank=4).lora_rank  # loaded when the model is built
    4

    Reference:
        https://keras.io/keras_hub; Hu et al., LoRA: Low-Rank Adaptation of Large Language Models (arXiv:2106.09685).
    """

    default_pooling = "mean"

    def __init__(
        self,
        preset: Any = None,
        *,
        trainable: bool | str = False,
        lora_rank: int | None = None,
        scale: float | Sequence[float] | None = None,
        offset: float | Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=bool(check_trainable(trainable)) or lora_rank is not None, **kwargs)
        if lora_rank is not None and (lora_rank < 1 or trainable is not False):
            raise ValueError(
                f"lora_rank is at least 1, and keeps the backbone frozen. Received lora_rank={lora_rank}, trainable="
                f"{trainable!r}. Choose one of the two."
            )
        self.preset, self.trained, self.lora_rank = preset, trainable, lora_rank
        self.scale, self.offset = scale, offset
        self._backbone: keras.Model | None = None

    def configure(self, features: FeatureSpec) -> None:
        if features.vocabulary:
            raise ValueError(
                "A backbone of KerasHub knows the tokens of its own tokenizer only, whose ops no stock server has. Received "
                f"a field with a vocabulary of {len(features.vocabulary)} words. Use SequenceModality(unit='token', "
                "symbols=mk.hub_symbols(preset)), and make its values by mk.hub_tokens(preset, texts)."
            )

    def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
        if self.preset is None:
            raise ValueError("A HubEncoder has a backbone. Received preset=None. Name a preset, or its folder.")
        keras_hub()  # knows the class of a backbone that a config holds
        kept = isinstance(self.preset, dict)
        backbone = keras.saving.deserialize_keras_object(self.preset) if kept else backbone_of(str(self.preset))
        part = "vision_encoder" if len(features_shape) == 4 else "text_encoder"
        self._backbone = getattr(backbone, part, backbone)
        if len(features_shape) == 4 and self.scale is None and self.offset is None:
            found = None if kept else scaling_of(str(self.preset))
            if found is None:
                raise ValueError(
                    f"A backbone gets pixels as it was trained on them. Received {self.preset!r}, which has no image "
                    "converter that tells. Pass scale and offset: 2.0 and -1.0 for [-1, 1]."
                )
            self.scale, self.offset = found
        if self.lora_rank is None:
            freeze(self._backbone, self.trained if self.trainable else False)
        else:
            self._backbone.enable_lora(self.lora_rank)
        self.built = True

    def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
        backbone: Any = self._backbone
        outputs = backbone(self._inputs(features, step_mask), training=bool(training) and self.trainable)
        outputs = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
        _, steps, width = self._tokens_shape(features.shape)
        tokens = ops.cast(ops.reshape(outputs, (-1, steps, width)), self.compute_dtype)
        return tokens if step_mask is None or step_mask.shape[1] != steps else (tokens, step_mask)

    def _inputs(self, features: Any, step_mask: Any) -> Any:
        known: Any = self._backbone.input  # type: ignore[union-attr]
        names = list(known) if isinstance(known, dict) else []
        if len(features.shape) == 4:
            scale, offset = (np.array(value, "float32") for value in (self.scale or 1.0, self.offset or 0.0))
            pixels = ops.cast(features, "float32") * scale + offset
            return {names[0]: pixels} if names else pixels
        ids = ops.cast(features, "int32")
        shown = ops.not_equal(ids, 0) if step_mask is None else step_mask
        every = {
            "token_ids": ops.maximum(ids - _FIRST, 0),
            "padding_mask": ops.cast(shown, "int32"),
            "segment_ids": ops.zeros_like(ids),
        }
        return {name: every[name] for name in names}

    def _tokens_shape(self, features_shape: Any) -> tuple[Any, int, int]:
        backbone: Any = self._backbone
        given = (None, *features_shape[1:])
        known = backbone.input if isinstance(backbone.input, dict) else {"images": backbone.input}
        wanted = tuple(next(iter(known.values())).shape)
        names = {"images"} if len(given) == 4 else {"token_ids", "padding_mask", "segment_ids"}
        fits = len(given) == len(wanted) and all(one in (None, other) for one, other in zip(wanted, given, strict=True))
        if not fits or not set(known) <= names:
            raise ValueError(
                f"A backbone gets what it was made for. Received features {given[1:]} for {type(backbone).__name__}, which "
                f"takes {', '.join(f'{name} {tuple(each.shape[1:])}' for name, each in known.items())}. Change the modality."
            )
        shape = backbone.compute_output_shape(
            dict.fromkeys(known, given) if isinstance(backbone.input, dict) else given
        )
        shape = shape["sequence_output"] if isinstance(shape, dict) else shape
        return (features_shape[0], int(np.prod(shape[1:-1], dtype=int)), int(shape[-1]))

    def compute_output_shape(self, features_shape: Any, step_mask_shape: Any = None) -> Any:
        if self._backbone is None:
            self.build(features_shape)
        tokens = self._tokens_shape(features_shape)
        return (
            tokens if step_mask_shape is None or step_mask_shape[1] != tokens[1] else (tokens, tuple(step_mask_shape))
        )

    def grid(self, features_shape: Any) -> tuple[int, int] | None:
        if self._backbone is None or len(features_shape) != 4:
            return None
        # Class tokens come first.
        steps = self._tokens_shape(features_shape)[1]
        found = (closest_grid(steps - extra, features_shape) for extra in range(3))
        return next((grid for grid in found if grid is not None), None)

    def get_config(self) -> dict[str, Any]:
        there = self._backbone is not None
        lora = self.lora_rank is not None
        return {
            **super().get_config(),
            # Once there is a backbone, its weights are in the saved file, low-rank matrices merged into them.
            "preset": keras.saving.serialize_keras_object(self._backbone) if there else self.preset,
            "trainable": False if lora or not self.trainable else self.trained,
            "lora_rank": None if there else self.lora_rank,
            "scale": self.scale,
            "offset": self.offset,
        }
