"""Find the four nouns again in a functional model: by the names that the builder gave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from multimodal_keras.base.calibration import ANSWER, Calibration, PresencePattern
from multimodal_keras.base.encoder import Encoder
from multimodal_keras.base.fusion import Fusion
from multimodal_keras.base.head import Head
from multimodal_keras.base.modality import Modality
from multimodal_keras.base.unusual import Unusual
from multimodal_keras.runtime.signatures import beside_name

FUSION, MODALITY_DROPOUT, PATTERN = "fusion", "modality_dropout", "presence_pattern"


def layer_name(key: str, base: type) -> str:
    """The name of a component in the graph: `title_modality`, `title_encoder`, `subject_head`."""
    return f"{key}_{base.__name__.lower()}"


@dataclass(frozen=True)
class Parts:
    """The components of one model, by record field and by task.

    Attributes:
        modalities: field to `Modality`, sorted by field.
        encoders: field to `Encoder`, sorted by field.
        fusion: the `Fusion`.
        heads: task to `Head`, sorted by task.
        calibrations: task to `Calibration`, sorted by task; empty if the model is not calibrated.
        unusual: the out-of-distribution score of a calibrated model; None if it has none.
    """

    modalities: dict[str, Modality]
    encoders: dict[str, Encoder]
    fusion: Fusion
    heads: dict[str, Head]
    calibrations: dict[str, Calibration] = field(default_factory=dict)
    unusual: Unusual | None = None

    @property
    def beside(self) -> dict[str, tuple[str, str]]:
        """The outputs beside the tasks' own that a calibration adds: name to task and kind (`"set"`, `"interval"`, ...)."""
        return {
            beside_name(task, kind): (task, kind)
            for task, calibration in self.calibrations.items()
            for kind in calibration.outputs
        }

    def answered(self, fused: Any, present: Mapping[str, Any]) -> dict[str, Any]:
        """What the tasks answer to fused vectors: the heads, and the calibrations behind them.

        Args:
            fused: `(batch, width)`.
            present: optional field to `bool (batch,)`.

        Returns:
            Task to `float32 (batch, outputs)`.
        """
        pattern = None
        if self.calibrations and self.optional:
            pattern = PresencePattern(name=f"answered_{PATTERN}")({field: present[field] for field in self.optional})
        answers = {task: head(fused) for task, head in self.heads.items()}
        for task, calibration in self.calibrations.items():
            answers[task] = calibration(answers[task], pattern)[ANSWER]
        return answers

    @property
    def optional(self) -> list[str]:
        """The fields that a record may lack."""
        return [field for field, modality in self.modalities.items() if modality.optional]


def parts(model: keras.Model) -> Parts:
    """The components of a model that `build_model` made, also after a reload.

    Args:
        model: a functional model.

    Returns:
        Its `Parts`.

    Raises:
        ValueError: if the model was not made by `build_model`.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"This needs a Keras model made by build_model. Received {model!r} of type {type(model).__name__}. Load it "
            "first: keras.saving.load_model('<run>/model.keras')."
        )
    found = Parts(
        _by_key(model.layers, Modality),
        _by_key(model.layers, Encoder),
        next((layer for layer in model.layers if isinstance(layer, Fusion)), None),  # type: ignore[arg-type]
        _by_key(model.layers, Head),
        _by_key(model.layers, Calibration),
        next((layer for layer in model.layers if isinstance(layer, Unusual)), None),
    )
    if not (found.modalities and found.heads and found.fusion is not None):
        raise ValueError(
            f"This needs a model made by build_model, with modalities, a fusion and heads. Received {model.name!r} with "
            f"the layers {', '.join(sorted({type(layer).__name__ for layer in model.layers}))}. Use build_model."
        )
    return found


def _by_key(layers: Iterable[Any], base: type) -> dict[str, Any]:
    ending = layer_name("", base)
    mine: list[Any] = [layer for layer in layers if isinstance(layer, base)]
    found = {layer.name.removesuffix(ending): layer for layer in mine}
    return dict(sorted(found.items()))


def output_of(model: keras.Model, layer: keras.layers.Layer) -> Any:
    """What a layer returns in this model: a symbolic tensor, or a list of them.

    `layer.output` is what it returns in the first model that called it, and a component that brings its weights can
    serve several.

    Args:
        model: a functional model.
        layer: one of its layers.
    """
    # Keras has no public way to ask which call is whose.
    calls = [node for depth in model._nodes_by_depth.values() for node in depth if node.operation is layer]
    found = min(calls, key=layer._inbound_nodes.index).output_tensors
    return found[0] if len(found) == 1 else list(found)


def presences(model: keras.Model) -> dict[str, Any]:
    """Whether a record has each optional modality, behind modality dropout, which joins and passes on those of all fields.

    Args:
        model: made by `build_model`.

    Returns:
        Optional field to the model's tensor, `bool (batch,)`, sorted by field.
    """
    optional = sorted(parts(model).optional)
    seen = keras.tree.flatten(output_of(model, model.get_layer(MODALITY_DROPOUT))) if optional else []
    return dict(zip(optional, seen, strict=True))
