"""Pictures to pixels with numpy and Pillow: the definition that ``modalities/image_graph.py`` repeats in TensorFlow.

``docs/decoding.md`` has it in words. Everything behind the libraries' decoders is integer arithmetic, so that both
sides, and a third one on a phone, agree to the bit.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from struct import error as StructError

import numpy as np
from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from multimodal_keras.runtime.containers import CUT_SHORT, open_bmp, open_gif, open_jpeg, open_png, open_webp, sniff
from multimodal_keras.runtime.resize import block_factor, check_picture_request, resize_pixels, used_region

MAX_PIXELS = 50_000_000
MAX_SIDE = 65_535
LARGE_JPEG = 1_000_000  # pixels from which a JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that is enough

_READERS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
}
# What Pillow and the reading of headers raise over damaged files.
_DAMAGE = (OSError, SyntaxError, StructError, IndexError, KeyError, TypeError, EOFError, OverflowError)
_OPENERS = {"png": open_png, "gif": open_gif, "bmp": open_bmp, "webp": open_webp}


def _check_size(height: int, width: int, max_pixels: int) -> None:
    sides = 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE
    if not sides or height * width > max_pixels:
        raise ValueError(
            f"A picture must have 1 to {MAX_SIDE} pixels a side and at most {max_pixels} in all. "
            f"Received width {width}, height {height}. Send a smaller one."
        )


def _white(pixels: np.ndarray) -> np.ndarray:
    """RGBA on white. In uint16: ``(x + 1 + (x >> 8)) >> 8`` is ``x // 255`` for all x below 65535."""
    alpha = pixels[..., 3:].astype(np.uint16)
    mixed = pixels[..., :3] * alpha + (255 - alpha) * np.uint16(255) + np.uint16(127)
    return ((mixed + 1 + (mixed >> 8)) >> 8).astype(np.uint8)


def _rgb(picture: Image.Image) -> np.ndarray:
    """Decoded pixels, ``uint8 (height, width, 3)``."""
    mode = picture.mode
    if mode == "CMYK":
        ink = 255 - np.asarray(picture)  # Pillow has inverted the file's values already
        ink = (ink if "adobe" in picture.info else 255 - ink).astype(np.uint32)
        return (ink[..., :3] * ink[..., 3:] // 255).astype(np.uint8)
    if mode.startswith("I"):
        return np.repeat((np.asarray(picture) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if mode in ("PA", "LA", "RGBA") or (mode == "P" and "transparency" in picture.info):
        return _white(np.asarray(picture.convert("RGBA")))
    picture.info.pop("transparency", None)
    return np.asarray(picture.convert("RGB"))


def _decode_jpeg(data: bytes, size: tuple[int, int], resize: str, max_pixels: int) -> np.ndarray:
    picture = _READERS["jpeg"](io.BytesIO(open_jpeg(data)))
    width, height = picture.size
    _check_size(height, width, max_pixels)
    factor = block_factor(used_region(height, width, size, resize))
    if height * width > LARGE_JPEG and factor > 1:
        ratio = next(step for step in (8, 4, 2) if factor >= step)
        picture.draft(None, (width // ratio, height // ratio))  # type: ignore[arg-type]
    return _rgb(picture)


def _decode(data: bytes, kind: str, max_pixels: int) -> np.ndarray:
    """Anything but JPEG."""
    opened = _OPENERS[kind](data)
    _check_size(opened.height, opened.width, max_pixels)
    picture = _READERS[kind](io.BytesIO(opened.data))
    if kind == "gif":
        picture.info.pop("transparency", None)
        if np.asarray(picture).max() >= opened.colours:
            raise ValueError(CUT_SHORT)
    return _rgb(picture)


def picture_pixels(data: bytes) -> int:
    """How many pixels `decode_picture` would decode, by the header alone; `ValueError` if it cannot be read."""
    kind = sniff(data)
    try:
        if kind == "jpeg":
            width, height = _READERS[kind](io.BytesIO(open_jpeg(data))).size
        else:
            height, width = _OPENERS[kind](data)[:2]
    except _DAMAGE as error:
        raise ValueError(f"{CUT_SHORT} ({kind}: {error})") from error
    return height * width


def decode_picture(
    data: bytes, size: tuple[int, int], resize: str = "stretch", max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Decode a picture file and resize it.

    EXIF orientation and colour profiles are not applied: send pictures upright and in sRGB.

    Args:
        data: the file's content: JPEG, PNG, GIF (first frame, opaque), BMP (24-bit, or grey), WebP (no animation).
            Empty bytes give zeros: the picture is absent.
        size: wanted ``(height, width)``, pixels.
        resize: ``"stretch"`` to the size; ``"crop"`` the centre to the size's aspect first; ``"pad"`` with white.
        max_pixels: the most pixels (width times height) that are decoded; the header tells.

    Returns:
        ``uint8 (*size, 3)``, RGB.

    Raises:
        ValueError: an argument is out of its range; the bytes are not a picture, not one of the accepted kinds, too
            large, cut short or damaged.
    """
    check_picture_request(size, resize, max_pixels)
    if not data:
        return np.zeros((*size, 3), np.uint8)
    kind = sniff(data)
    try:
        pixels = _decode_jpeg(data, size, resize, max_pixels) if kind == "jpeg" else _decode(data, kind, max_pixels)
    except _DAMAGE as error:
        raise ValueError(f"{CUT_SHORT} ({kind}: {error})") from error
    return resize_pixels(pixels, size, resize)
