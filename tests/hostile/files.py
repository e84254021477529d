"""The content of files that no model may take: pictures that are damaged, bombs, or something else."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from odd_pictures import PNG_END, PNG_HEAD, WEBP, chunk, header, saved, wrong_bmps, wrong_jpegs, wrong_pngs, wrong_webps
from PIL import Image

BOMB = 60_000


def wrong_files(kind: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of files that are none of a kind of field, for instance `"image"`."""
    yield from _other_files()
    if kind == "image":
        yield from _bombs()
        yield from _ends(picture())
        yield from wrong_pngs()
        yield from wrong_bmps()
        yield from wrong_jpegs(picture())
        if WEBP:
            yield from wrong_webps(picture())
    if kind == "audio":
        yield from _wrong_sounds()


def odd_files(kind: str) -> Iterator[tuple[str, bytes]]:
    """Files that are odd, and may be answered all the same."""
    if kind == "image":
        rgb = picture()
        yield "jpeg with a script", saved(rgb, "JPEG", comment=b"<script>alert(1)</script><?php system('id') ?>")
        yield "png that is a zip as well", saved(rgb, "PNG") + _zip()
        yield "gif of many frames", saved(rgb, "GIF", save_all=True, append_images=[rgb.rotate(9)] * 60)
        yield "png of one pixel", saved(rgb.resize((1, 1)), "PNG")
        yield "png with packed zeros", _flat(3000, 3000)


def picture() -> Image.Image:
    """A small picture of waves."""
    rows, columns, channels = np.ogrid[:23, :31, :3]
    return Image.fromarray(((7 * rows + 5 * columns + 60 * channels) % 256).astype(np.uint8))


def _other_files() -> Iterator[tuple[str, bytes]]:
    yield from {
        "text": b"hello world",
        "one byte": b"\0",
        "zeros": bytes(4_000),
        "HTML": b"<!DOCTYPE html><script>alert(1)</script>",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "PDF": b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF",
        "ZIP": _zip(),
        "pickle": pickle.dumps([1, 2]),
        "NumPy": b"\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }",
        "ELF": b"\x7fELF\x02\x01\x01" + bytes(60),
        "TIFF": b"II*\0\x08\0\0\0" + bytes(60),
        "ICO": b"\0\0\x01\0\x01\0" + bytes(60),
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n(id) run",
        "path": b"/etc/passwd",
        "address": b"http://127.0.0.1:1/a.png",
        "base64 again": b"iVBORw0KGgo=",
    }.items()


def _bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that ask for much memory."""
    yield "png bomb", PNG_HEAD + header(BOMB, BOMB) + chunk(b"IDAT", zlib.compress(bytes(100_000))) + PNG_END
    yield "gif bomb", b"GIF89a" + struct.pack("<HHBBB", BOMB, BOMB, 0x80, 0, 0) + bytes(6) + _frame(BOMB) + b";"
    yield "gif with a large frame", b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + _frame(BOMB) + b";"
    yield "bmp bomb", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, BOMB, BOMB, 1, 24, 0, 0, 0, 0, 0, 0)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, BOMB, BOMB, 3) + bytes([1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1])
    yield "jpeg bomb", b"\xff\xd8" + frame + b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00?\x00\xff\xd9"
    canvas = struct.pack("<I", BOMB - 1)[:3] * 2
    yield "webp bomb", b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas


def _frame(size: int) -> bytes:
    return b"," + struct.pack("<HHHHB", 0, 0, size, size, 0) + b"\x02\x02\x4c\x01\x00"


def _ends(rgb: Image.Image) -> Iterator[tuple[str, bytes]]:
    kinds = ("PNG", "JPEG", "GIF", "BMP", *(["WEBP"] if WEBP else []))
    for kind in kinds:
        whole = saved(rgb, kind)
        for size in (3, 10, 24, len(whole) // 2):
            yield f"{kind.lower()} of {size} bytes", whole[:size]
    yield "png with the pixels of a jpeg", saved(rgb, "PNG")[:33] + saved(rgb, "JPEG")
    yield "jpeg called a gif", b"GIF89a" + saved(rgb, "JPEG")[6:]


def _wrong_sounds() -> Iterator[tuple[str, bytes]]:
    layout = struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt "
    yield "wav of 12 bytes", b"RIFF\x04\0\0\0WAVE"
    yield "wav without samples", head + layout
    yield "wav of no channels", head + struct.pack("<IHHIIHH", 16, 1, 0, 16_000, 0, 0, 16) + b"data\x04\0\0\0abcd"
    yield "wav of another riff", b"RIFF\x04\0\0\0AVI "
    yield "mp3 of 10 bytes", b"ID3\x04\0\0\0\0\0\0"
    yield "ogg of 27 bytes", b"OggS" + bytes(23)


def _flat(width: int, height: int) -> bytes:
    content = zlib.compress(bytes((3 * width + 1) * height))
    return PNG_HEAD + header(width, height) + chunk(b"IDAT", content) + PNG_END


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as files:
        files.writestr(zipfile.ZipInfo("../../escaped"), "a")
    return file.getvalue()
