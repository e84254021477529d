"""What stands around the pixels in a picture file: checked before anything is decoded, and cleaned for the decoder.

``modalities/containers_graph.py`` checks the same in TensorFlow. Decoders disagree about what pixels do not need, such as
damaged metadata: it is left out here, so that it cannot matter.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from struct import unpack_from
from typing import NamedTuple

SEND = "Send JPEG, PNG, opaque GIF, 24-bit BMP or WebP."
CUT_SHORT = "A picture must be complete. Received bytes that end too early or are damaged. Send the whole file."
# A GIF is walked through without asking for its end at each step: no single step goes further than this.
_GIF_MARGIN = 2048
_PNG_START = b"\0\0\0\x0dIHDR"
_PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")  # in this order they are written again
_PALETTE = 3  # PNG's colour type


class Opened(NamedTuple):
    """A picture's size, the bytes for its decoder, and the colours of a GIF's palette."""

    height: int
    width: int
    data: bytes
    colours: int = 256


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
    raise ValueError(f"The bytes must be a picture of a known format. Received {data[:12]!r}... {SEND}")


def open_jpeg(data: bytes) -> bytes:
    """Without its metadata: of the application's segments only JFIF's and Adobe's say something about colours."""
    kept, position, marker = [data[:2]], 2, 0
    while marker != 0xDA:
        start = data.find(b"\xff", position)  # libjpeg, too, skips what stands between segments
        marker = data[start + 1]
        if start < 0 or marker in (0xD8, 0xD9):
            raise ValueError(CUT_SHORT)
        position = start + (1 if marker == 0xFF else 2)
        if marker in (0x00, 0x01, 0xDA, 0xFF) or 0xD0 <= marker <= 0xD7:
            continue
        segment = data[start : start + 2 + max(2, *unpack_from(">H", data, start + 2))]
        position = start + len(segment)
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or _is_about_colours(segment):
            kept.append(segment)
    # libjpeg inside TensorFlow wants the end marker, Pillow does not.
    if data.find(b"\xff\xd9", start) < 0:
        raise ValueError(CUT_SHORT)
    return b"".join([*kept, data[start:]])


def _is_about_colours(segment: bytes) -> bool:
    jfif = segment[1] == 0xE0 and segment[4:9] == b"JFIF\0" and len(segment) >= 18
    return jfif or (segment[1] == 0xEE and segment[4:9] == b"Adobe" and len(segment) >= 16)


def open_png(data: bytes) -> Opened:
    """Its critical chunks and a palette's alpha, in the one order that is allowed; what libpng refuses is refused."""
    width, height, bits, colour, compression, filtering = unpack_from(">IIBBBB", data, 16)
    kept: dict[bytes, list[bytes]] = {name: [] for name in _PNG_CHUNKS}
    previous = b""
    for name, chunk, correct in _png_chunks(data):
        again = name != b"IDAT" and bool(kept.get(name))
        if not name.isalpha() or (not name[0] & 0x20 and (again or not correct or name not in kept)):
            raise ValueError(CUT_SHORT)
        if name == b"tRNS":
            entries = min(2**bits, len(b"".join(kept[b"PLTE"])[8:-4]) // 3)
            usable = colour == _PALETTE and correct and not again and 1 <= len(chunk) - 12 <= entries
        else:
            usable = name in kept
        # Pixels stand in one run, and nothing but the end comes behind them.
        if usable and (not kept[b"IDAT"] or name in (previous, b"IEND")):
            kept[name].append(chunk)
        previous = name
    palette = len(b"".join(kept[b"PLTE"])[8:-4])
    if colour == _PALETTE and (palette % 3 or not 3 <= palette <= 768):
        raise ValueError(CUT_SHORT)
    if data[8:16] != _PNG_START or compression or filtering:
        raise ValueError(CUT_SHORT)
    return Opened(height, width, data[:8] + b"".join(chunk for chunks in kept.values() for chunk in chunks))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Name, whole chunk, and whether its checksum is right, up to the end chunk."""
    position, name = 8, b""
    while name != b"IEND":
        (length,) = unpack_from(">I", data, position)
        chunk = data[position : position + 12 + length]
        if len(chunk) < 12 + length:
            raise ValueError(CUT_SHORT)
        name = chunk[4:8]
        yield name, chunk, chunk[-4:] == zlib.crc32(chunk[4:-4]).to_bytes(4, "big")
        position += len(chunk)


def open_bmp(data: bytes) -> Opened:
    """24 bits a pixel, or 8 with a grey palette, complete."""
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
            f"Received {bits} bits, compression {compression}, a header of {header} bytes. {SEND}"
        )
    needed = 14 + header + (1024 if grey else 0)
    if offset < needed or offset + (bits * width + 31) // 32 * 4 * height > len(data):
        raise ValueError(CUT_SHORT)
    return Opened(height, width, data)


def open_webp(data: bytes) -> Opened:
    """A single picture whose chunks fill exactly the size that the file names; what follows is cut off."""
    end, position = 8 + unpack_from("<I", data, 4)[0], 12
    while position < end:
        length = unpack_from("<I", data, position + 4)[0]
        position += 8 + length + length % 2
    if position != end or end > len(data):
        raise ValueError(CUT_SHORT)
    chunk = data[12:16]
    if chunk == b"VP8X":
        if data[20] & 0xC3:  # animation, and what must be zero
            raise ValueError(f"A WebP must be a single picture. Received an animation. {SEND}")
        return Opened(1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little"), data[:end])
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return Opened(1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF), data[:end])
    width, height = unpack_from("<HH", data, 26)
    return Opened(height & 0x3FFF, width & 0x3FFF, data[:end])


def open_gif(data: bytes) -> Opened:
    """Up to the end of its first frame, so that the others cost nothing."""
    padded, length = data + bytes(_GIF_MARGIN), len(data)
    flags, transparent = padded[10], False
    position = 13 + _palette_bytes(flags)
    while position < length and padded[position] == 0x21:
        if padded[position + 1] == 0xF9:
            transparent = bool(padded[position + 3] & 1)
        position = _skip_blocks(padded, position + 2, length)
    frame = padded[position + 1 : position + 9]
    local = padded[position + 9]
    if transparent or frame != bytes(4) + padded[6:10] or not (flags | local) & 0x80 or padded[position] != 0x2C:
        raise ValueError(
            "A GIF's first frame must have a palette, no transparent colour, and fill the picture. "
            f"Received another one, or bytes that end too early. {SEND}"
        )
    end = _skip_blocks(padded, position + 11 + _palette_bytes(local), length)
    if end > length:
        raise ValueError(CUT_SHORT)
    width, height = unpack_from("<HH", data, 6)
    return Opened(height, width, data[:end] + b";", 2 ** (((local if local & 0x80 else flags) & 7) + 1))


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(padded: bytes, position: int, length: int) -> int:
    while position < length and padded[position]:
        position += 1 + padded[position]
    return position + 1
