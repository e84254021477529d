"""Attributions as pictures, in colours that do without telling red from green."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from multimodal_keras.attributing.result import GRAD_CAM, FieldAttribution

# Nine colours along matplotlib's inferno, from nothing to most.
_DARK = [(0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106)]
_BRIGHT = [(186, 54, 85), (227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164)]
_INFERNO = np.array(_DARK + _BRIGHT, "float32")
FOR, AGAINST = (184, 92, 0), (0, 64, 122)
_SIDE, _LEAST_CELL, _MOST_CELLS = 384, 4, 1024
_OPAQUE = 0.7


def picture(found: FieldAttribution, content: object) -> bytes | None:
    """A field's map as a PNG: over the picture that it is about, or as a table of cells.

    Args:
        found: the field's attributions.
        content: its pixels, `uint8 (height, width, 3)` or `(frames, height, width, 3)`, if it has any.

    Returns:
        The bytes of the file; None if there is no map.
    """
    if found.map is None:
        return None
    if not isinstance(content, np.ndarray):
        return _png(cells(found.map))
    if content.ndim == 4:
        largest = np.abs(found.map).max()
        return _png(
            np.concatenate(
                [signed(frame, table, largest) for frame, table in zip(content, found.map, strict=True)], axis=1
            )
        )
    return _png(heat(content, found.map) if found.method == GRAD_CAM else signed(content, found.map))


def heat(pixels: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """A picture, `uint8 (height, width, 3)`, under the colours of a grid of numbers of at least 0; larger ones hide more."""
    back = _enlarged(pixels)
    share = grid / grid.max() if grid.max() > 0 else np.zeros_like(grid)
    smooth = Image.fromarray(share.astype("float32")).resize((back.shape[1], back.shape[0]), Image.Resampling.BILINEAR)
    strength = np.clip(np.asarray(smooth), 0.0, 1.0)
    places = np.linspace(0.0, 1.0, len(_INFERNO))
    colours = np.stack([np.interp(strength, places, _INFERNO[:, channel]) for channel in range(3)], axis=-1)
    # The picture stays to be seen everywhere, and as it is where nothing was found.
    cover = _OPAQUE * strength[..., None]
    return _bytes(back * (1 - cover) + colours * cover)


def signed(pixels: np.ndarray, table: np.ndarray, largest: float | None = None) -> np.ndarray:
    """A picture in grey under orange pixels, which speak for an answer, and blue ones, which speak against it."""
    back = _enlarged(pixels)
    grey = np.repeat(back.mean(axis=-1, keepdims=True), 3, axis=-1) * 0.5 + 127.5
    largest = float(np.percentile(np.abs(table), 99.5)) if largest is None else largest
    share = np.clip(table / largest, -1.0, 1.0) if largest > 0 else np.zeros_like(table)
    wide = Image.fromarray(share.astype("float32")).resize((back.shape[1], back.shape[0]), Image.Resampling.NEAREST)
    return _mixed(grey, np.asarray(wide))


def cells(table: np.ndarray) -> np.ndarray:
    """A table `(steps, channels)` as cells: time from left to right, the last channel on top."""
    across = np.flip(table.T, axis=0)
    largest = np.abs(table).max(initial=0.0)
    share = across / largest if largest > 0 else across
    high, wide = (max(_LEAST_CELL, min(24, _MOST_CELLS // max(size, 1))) for size in share.shape)
    grown = np.repeat(np.repeat(share, high, axis=0), wide, axis=1)
    return _mixed(np.full((*grown.shape, 3), 255.0), grown)


def _mixed(back: np.ndarray, share: np.ndarray) -> np.ndarray:
    colours = np.where(share[..., None] > 0, np.array(FOR, "float32"), np.array(AGAINST, "float32"))
    cover = np.abs(share)[..., None]
    return _bytes(back * (1 - cover) + colours * cover)


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    times = max(1, round(_SIDE / max(pixels.shape[:2])))
    size = (pixels.shape[1] * times, pixels.shape[0] * times)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC), "float32")


def _bytes(numbers: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(numbers), 0, 255).astype("uint8")


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def plain(pixels: np.ndarray) -> bytes:
    """A picture as it went into the model, as large as its map, as a PNG."""
    return _png(_bytes(_enlarged(pixels)))
