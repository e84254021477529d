"""Compact bilinear pooling."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base.numbers import whole
from multimodal_keras.fusion.common_width import CommonWidthFusion
from multimodal_keras.fusion.hadamard import power_normalised
from multimodal_keras.registry import register


@register
class CompactBilinearFusion(CommonWidthFusion):
    """The outer product of all modalities, squeezed by count sketches, which turn it into a product of spectra.

    Multimodal compact bilinear pooling (MCB). The sketches are drawn once by `seed`, and never trained. Their spectra
    are taken by a fixed matrix and not by a fast Fourier transform, whose inverse phones do not have among their
    built-in ops.

    Args:
        width: the width of the projections and of the answer.
        sketch_width: the width of the sketch.
        seed: of the sketches.
        dropout: the rate of dropout on the projections.
        pooling: see `Fusion`.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        tokens, masks, present: see `Fusion`.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: if `sketch_width` is below 2.

    Example:

    >>> import numpy as np
    >>> import multimodal_keras as mk
    >>> mk.CompactBilinearFusion(width=6)({"a": np.ones((2, 4, 8)), "b": np.ones((2, 1, 3))}).shape
    TensorShape([2, 6])

    Reference:
        Fukui et al., Multimodal Compact Bilinear Pooling for Visual Question Answering and Visual Grounding
        (arXiv:1606.01847).
    """

    missing = "embed"

    def __init__(self, width: int = 128, *, sketch_width: int = 256, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(width, **kwargs)
        self.sketch_width = whole("sketch_width", sketch_width, least=2)
        self.seed = int(seed)

    def build_fusion(self, tokens_shape: dict[str, tuple[int | None, ...]]) -> None:
        random = np.random.default_rng(self.seed)
        self._spectra = [self._sketched_spectrum(random) for _ in tokens_shape]
        self._inverse = np.fft.irfft(np.eye(self.sketch_width // 2 + 1), self.sketch_width).astype("float32")
        self._inverse_imaginary = np.fft.irfft(1j * np.eye(self.sketch_width // 2 + 1), self.sketch_width).astype(
            "float32"
        )
        self._answer = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="answer")
        self._answer.build((None, self.sketch_width))

    def _sketched_spectrum(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The count sketch and the Fourier transform after it, as one matrix: its real and its imaginary part."""
        sketch = np.zeros((self.width, self.sketch_width))
        places = random.integers(0, self.sketch_width, self.width)
        sketch[np.arange(self.width), places] = random.choice([-1.0, 1.0], self.width)
        spectrum = np.fft.rfft(sketch, axis=1)
        return spectrum.real.astype("float32"), spectrum.imag.astype("float32")

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        vectors = self.projected(self.vectors(tokens, masks), training)
        real, imaginary = None, None
        for vector, (to_real, to_imaginary) in zip(vectors.values(), self._spectra, strict=True):
            one, other = self._times(vector, to_real), self._times(vector, to_imaginary)
            if real is None:
                real, imaginary = one, other
            else:
                real, imaginary = real * one - imaginary * other, real * other + imaginary * one
        sketch = self._times(real, self._inverse) + self._times(imaginary, self._inverse_imaginary)
        return self._answer(power_normalised(sketch))

    def _times(self, values: Any, matrix: np.ndarray) -> Any:
        return ops.matmul(values, ops.cast(ops.convert_to_tensor(matrix), values.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sketch_width": self.sketch_width, "seed": self.seed}
