"""Noises of pictures: grain, blur, something in front, compression, and another picture of pure noise mixed in."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from multimodal_keras.perturbing.noises import Noise, register_noise

_GREY = 127
_BEST_QUALITY, _WORST_QUALITY = 95, 1
# Pictures larger than any model looks at cost time and change nothing.
_LONGEST = 512

Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def _pixels(raw: Any) -> np.ndarray:
    picture = Image.open(io.BytesIO(raw))
    picture.thumbnail((_LONGEST, _LONGEST))
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return np.asarray(white.convert("RGB"), "float32")


def _file(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype("uint8")).save(content, kind, **options)
    return content.getvalue()


def _gaussian(pixels: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return pixels + random.normal(0, 255 * strength, pixels.shape)


def _blur(pixels: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    radius = strength * max(pixels.shape[:2]) / 8
    return np.asarray(Image.fromarray(pixels.astype("uint8")).filter(ImageFilter.GaussianBlur(radius)), "float32")


def _occlusion(pixels: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    height, width = pixels.shape[:2]
    tall, wide = (max(1, round(side * strength**0.5)) for side in (height, width))
    top, left = int(random.integers(height - tall + 1)), int(random.integers(width - wide + 1))
    covered = pixels.copy()
    covered[top : top + tall, left : left + wide] = _GREY
    return covered


def _mixed(pixels: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return (1 - strength) * pixels + strength * random.integers(0, 256, pixels.shape)


def _jpeg(raw: Any, strength: float, random: np.random.Generator) -> bytes:
    quality = round(_BEST_QUALITY + strength * (_WORST_QUALITY - _BEST_QUALITY))
    return _file(_pixels(raw), "JPEG", quality=quality)


def _noise(name: str, strength: str, change: Change) -> Noise:
    return Noise(name, "image", strength, lambda raw, force, random: _file(change(_pixels(raw), force, random)))


register_noise(_noise("gaussian", "the deviation of the grain, in shares of the range of a pixel", _gaussian))
register_noise(_noise("blur", "the radius of the blur, in eighths of the longer side", _blur))
register_noise(_noise("occlusion", "the share of the picture behind a grey rectangle", _occlusion))
register_noise(_noise("mixed", "the share of pure noise in each pixel; at 1 nothing of the picture is left", _mixed))
register_noise(Noise("jpeg", "image", "the loss of JPEG's quality, from 95 down to 1", _jpeg))
