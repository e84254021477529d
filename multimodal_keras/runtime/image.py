"""Pictures to pixels with numpy and Pillow: the definition that ``modalities/image_graph.py`` repeats in TensorFlow.

``docs/decoding.md`` has it in words. Everything behind the libraries' decoders is integer arithmetic, so that both
sides, and a third one on a phone, agree to the bit.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from struct import error as StructError
from struct import unpack_from

import numpy as np
from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

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
_SEND = "Send JPEG, PNG, opaque GIF, 24-bit BMP or WebP."
_CUT_SHORT = "A picture must be complete. Received bytes that end too early or are damaged. Send the whole file."
# A GIF is walked through without asking for its end at each step: no single step goes further than this.
_GIF_MARGIN = 2048


def sniff(data: bytes) -> str:
    """The format by its first bytes: ``"jpeg"``, ``"png"``, ``"gif"``, ``"bmp"`` or ``"webp"``.

    Args:
        data: a file's content.

    Returns:
        The format's name.

    Raises:
        ValueError: none of these.
    """
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:2] == b"BM":
        return "bmp"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    raise ValueError(f"The bytes must be a picture of a known format. Received {data[:12]!r}... {_SEND}")


def _check_size(height: int, width: int, max_pixels: int) -> None:
    sides = 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE
    if not sides or height * width > max_pixels:
        raise ValueError(
            f"A picture must have 1 to {MAX_SIDE} pixels a side and at most {max_pixels} in all. "
            f"Received width {width}, height {height}. Send a smaller one."
        )


def _png_size(data: bytes) -> tuple[int, int]:
    """Height and width; also refuses what libpng refuses: a missing chunk, or a wrong CRC in a critical one."""
    width, height = unpack_from(">II", data, 16)
    position, name = 8, b""
    while name != b"IEND":
        (length,) = unpack_from(">I", data, position)
        name, end = data[position + 4 : position + 8], position + 12 + length
        if end > len(data):
            raise ValueError(_CUT_SHORT)
        (checksum,) = unpack_from(">I", data, end - 4)
        if not name[0] & 0x20 and zlib.crc32(data[position + 4 : end - 4]) != checksum:
            raise ValueError(_CUT_SHORT)
        position = end
    return height, width


def _bmp_size(data: bytes) -> tuple[int, int]:
    offset, header, width, height = unpack_from("<IIii", data, 10)
    bits, compression = unpack_from("<HI", data, 28)
    (colours,) = unpack_from("<I", data, 46)
    height = abs(height)
    palette = data[14 + header : 14 + header + 1024]
    levels = bytes(range(256))  # blue, green and red; the fourth byte of a colour is not used
    grey = bits == 8 and colours in (0, 256) and all(palette[channel::4] == levels for channel in range(3))
    if header not in (40, 108, 124) or compression or not (bits == 24 or grey):
        raise ValueError(
            "A BMP must have 24 bits a pixel, or 8 with a grey palette, without compression. "
            f"Received {bits} bits, compression {compression}, a header of {header} bytes. {_SEND}"
        )
    needed = 14 + header + (1024 if grey else 0)
    if offset < needed or offset + (bits * width + 31) // 32 * 4 * height > len(data):
        raise ValueError(_CUT_SHORT)
    return height, width


def _webp_size(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        if data[20] & 0xC3:  # animation, and what must be zero
            raise ValueError(f"A WebP must be a single picture. Received an animation. {_SEND}")
        return 1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    width, height = unpack_from("<HH", data, 26)
    return height & 0x3FFF, width & 0x3FFF


def _skip_blocks(padded: bytes, position: int, length: int) -> int:
    while position < length and padded[position]:
        position += 1 + padded[position]
    return position + 1


def _first_gif_frame(data: bytes) -> tuple[bytes, int]:
    """The file up to the end of its first frame, so that the others cost nothing, and the colours of its palette."""
    padded, length = data + bytes(_GIF_MARGIN), len(data)
    flags, transparent = padded[10], False
    position = 13 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
    while position < length and padded[position] == 0x21:
        if padded[position + 1] == 0xF9:
            transparent = bool(padded[position + 3] & 1)
        position = _skip_blocks(padded, position + 2, length)
    frame = padded[position + 1 : position + 9]
    local = padded[position + 9]
    if transparent or frame != bytes(4) + padded[6:10] or not (flags | local) & 0x80 or padded[position] != 0x2C:
        raise ValueError(
            "A GIF's first frame must have a palette, no transparent colour, and fill the picture. "
            f"Received another one, or bytes that end too early. {_SEND}"
        )
    position += 10 + (3 * 2 ** ((local & 7) + 1) if local & 0x80 else 0)
    end = _skip_blocks(padded, position + 1, length)
    if end > length:
        raise ValueError(_CUT_SHORT)
    return data[:end] + b";", 2 ** (((local if local & 0x80 else flags) & 7) + 1)


def _read_gif(data: bytes) -> np.ndarray:
    frame, colours = _first_gif_frame(data)
    picture = _READERS["gif"](io.BytesIO(frame))
    if np.asarray(picture).max() >= colours:
        raise ValueError(_CUT_SHORT)
    picture.info.pop("transparency", None)
    return np.asarray(picture.convert("RGB"))


def _open_jpeg(data: bytes) -> Image.Image:
    # libjpeg inside TensorFlow wants the end marker, Pillow does not. (A preview inside may hide that it is missing.)
    if data.find(b"\xff\xd9", max(0, data.find(b"\xff\xda"))) < 0:
        raise ValueError(_CUT_SHORT)
    return _READERS["jpeg"](io.BytesIO(data))


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
    if mode in ("P", "PA", "LA", "RGBA"):
        return _white(np.asarray(picture.convert("RGBA")))
    picture.info.pop("transparency", None)
    return np.asarray(picture.convert("RGB"))


def _decode(data: bytes, kind: str, size: tuple[int, int], resize: str, max_pixels: int) -> np.ndarray:
    if kind != "jpeg":
        if kind == "gif":
            width, height = unpack_from("<HH", data, 6)
        else:
            height, width = {"png": _png_size, "bmp": _bmp_size, "webp": _webp_size}[kind](data)
        _check_size(height, width, max_pixels)
        return _read_gif(data) if kind == "gif" else _rgb(_READERS[kind](io.BytesIO(data)))
    picture = _open_jpeg(data)
    width, height = picture.size
    _check_size(height, width, max_pixels)
    factor = block_factor(used_region(height, width, size, resize))
    if height * width > LARGE_JPEG and factor > 1:
        ratio = next(step for step in (8, 4, 2) if factor >= step)
        picture.draft(None, (width // ratio, height // ratio))  # type: ignore[arg-type]
    return _rgb(picture)


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
        pixels = _decode(data, kind, size, resize, max_pixels)
    except (OSError, SyntaxError, StructError, IndexError, KeyError, TypeError, EOFError, OverflowError) as error:
        raise ValueError(f"{_CUT_SHORT} ({kind}: {error})") from error
    return resize_pixels(pixels, size, resize)
