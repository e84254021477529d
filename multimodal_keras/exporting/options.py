"""How a model is written for devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multimodal_keras.encoders.lowering import FUSED, LOOP
from multimodal_keras.spec import make

QUANTIZATIONS = ("float32", "float16", "dynamic", "int8")
AUTO = "auto"


@dataclass(frozen=True)
class TFLiteOptions:
    """How a model is written for devices.

    Attributes:
        quantize: one file for each of these: `"float32"`; `"float16"` weights; `"dynamic"`: int8 weights, and
            activations that are quantized as they come; `"int8"`: convolutions and embeddings quantized with ranges
            measured on real records, everything else as in `"dynamic"`. Needs the extra `[quantize]`.
        lstm: how LSTMs are written: `"loop"`; `"fused"`, one op that keeps its state between calls, so that each caller
            has to reset it; or `"auto"`, what was measured best for each quantization.
        integer_outputs: whether the int8 file also answers in int8, with a scale and a zero point in its contract.
        split: whether to write one file for each encoder and one for fusion and heads as well, so that an app can encode
            a picture once and use it again.
        explain: whether each whole model also has the signature `explain`, which tells how much each modality
            contributed; not at int8, and not with fused LSTMs.
        max_metric_drop: by how much the first metric of any task may get worse in a quantized file, 0.01 being one
            point. An error (MAE) counts in standard deviations of the training values. With a modality missing, a larger
            drop is refused only if its interval lies above 0.
        calibration_size: how many records the ranges of int8 are measured on, drawn evenly over the classes.
    """

    quantize: tuple[str, ...] = ("float32",)
    lstm: str = LOOP
    integer_outputs: bool = False
    split: bool = False
    explain: bool = False
    max_metric_drop: float = 0.01
    calibration_size: int = 128

    def __post_init__(self) -> None:
        unknown = [name for name in self.quantize if name not in QUANTIZATIONS]
        if unknown or not self.quantize:
            raise ValueError(
                f"quantize names one or more of {', '.join(QUANTIZATIONS)}. Received {', '.join(unknown) or 'none'}. "
                "Choose among them."
            )
        if self.lstm not in (LOOP, FUSED, AUTO):
            raise ValueError(f"lstm is 'loop', 'fused' or 'auto'. Received {self.lstm!r}. Choose one of these.")
        if self.integer_outputs and "int8" not in self.quantize:
            raise ValueError("integer_outputs belongs to an int8 file. Received it without quantize='int8'. Add that.")
        if self.explain and "int8" in self.quantize:
            raise ValueError(
                "explain is for files of float32, float16 and dynamic. Received it with quantize='int8', whose ranges are "
                "measured for one signature only. Export int8 into another folder, without explain."
            )
        if self.explain and self.lstm == FUSED:
            raise ValueError(
                "explain is for lstm='loop'. Received it with lstm='fused', whose state interpreters cannot reset while a "
                "signature has not been called yet. Choose 'loop' or 'auto'."
            )
        if not 0 <= self.max_metric_drop <= 1 or self.calibration_size < 1:
            raise ValueError(
                "max_metric_drop is in [0, 1] and calibration_size at least 1. Received "
                f"{self.max_metric_drop} and {self.calibration_size}."
            )

    def lowering(self, quantize: str) -> str:
        """How LSTMs are written in the file of this quantization.

        `"auto"` is the loop everywhere: it was the fastest at float32 and as fast as the fused op where weights are int8, at
        nearly the same size, and no caller can get it wrong (`benchmarks/tflite.py`).
        """
        return LOOP if self.lstm == AUTO else self.lstm


def tflite_options(chosen: Mapping[str, Any]) -> TFLiteOptions:
    """Make options of what a caller gave; `quantize` may be one name, or several separated by commas.

    Raises:
        ValueError: for an unknown option, or one out of its range.
    """
    chosen = dict(chosen)
    if isinstance(chosen.get("quantize"), str):
        chosen["quantize"] = [name.strip() for name in chosen["quantize"].split(",")]
    return make(TFLiteOptions, chosen, "export.")
