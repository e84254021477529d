"""Picture files of every kind: real drawings written anew, rare but right ones, wrong ones, and damage."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, features

WEBP = features.check("webp")
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
PNG_HEAD, PNG_END = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82"
GREYS = bytes(value for level in range(256) for value in (level, level, level, 0))

Named = Iterator[tuple[str, bytes]]


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def rewritten(path: Path) -> Named:
    """A real drawing in every way in which Pillow writes it."""
    picture = Image.open(path).convert("RGBA")
    picture.thumbnail((200, 200))
    rgb, grey, coloured = picture.convert("RGB"), picture.convert("L"), picture.convert("RGB").quantize(200)
    for name, options in {
        "baseline": {},
        "4:4:4": {"subsampling": 0, "quality": 95},
        "4:2:2": {"subsampling": 1},
        "progressive": {"progressive": True},
        "restarts": {"restart_marker_blocks": 3},
        "rgb": {"keep_rgb": True},
        "exif": {"exif": _turned(), "icc_profile": b"x" * 70_000, "comment": b"\xff\xda\xff\xd9"},
    }.items():
        yield f"jpeg {name}", saved(rgb, "JPEG", **options)
    yield "jpeg grey progressive", saved(grey, "JPEG", progressive=True)
    yield "jpeg cmyk progressive", saved(rgb.convert("CMYK"), "JPEG", progressive=True)
    yield "png alpha", saved(picture, "PNG")
    yield "png palette", saved(coloured, "PNG", bits=8)
    yield "png palette alpha", saved(picture.quantize(40), "PNG", transparency=bytes(range(40)))
    yield "png 16 bit", saved(Image.fromarray(np.asarray(grey).astype(np.uint16) * 251 + 77), "PNG")
    yield "png interlaced", png(np.asarray(picture), 6, interlaced=True)
    yield "gif", saved(coloured, "GIF", interlace=1)
    yield "gif frames", saved(coloured, "GIF", save_all=True, append_images=[coloured.rotate(90)] * 2, disposal=2)
    yield "bmp", saved(rgb, "BMP")
    yield "bmp grey", saved(grey, "BMP")
    if WEBP:
        yield "webp lossy", saved(picture, "WEBP", quality=70)
        yield "webp lossless", saved(picture, "WEBP", lossless=True, exif=_turned())


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = 6
    return exif


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def header(width: int, height: int, bits: int = 8, colour: int = 2, ways: bytes = bytes(3)) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBB", width, height, bits, colour) + ways)


def png(
    pixels: np.ndarray,
    colour: int,
    bits: int = 8,
    *,
    interlaced: bool = False,
    palette: bytes = b"",
    before: bytes = b"",
    behind: bytes = b"",
) -> bytes:
    """Written by hand, in every depth, with chunks before and behind the pixels."""
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    rows = [row for y, x, down, across in passes for row in pixels[y::down, x::across] if row.size]
    content = b"".join(b"\0" + _packed(row.reshape(-1), bits) for row in rows)
    palette = chunk(b"PLTE", palette) if palette else b""
    start = PNG_HEAD + header(pixels.shape[1], pixels.shape[0], bits, colour, bytes([0, 0, interlaced]))
    return start + palette + before + chunk(b"IDAT", zlib.compress(content)) + behind + PNG_END


def _packed(samples: np.ndarray, bits: int) -> bytes:
    if bits == 16:
        return samples.astype(">u2").tobytes()
    planes = samples.astype(np.uint8)[:, None] >> np.arange(bits)[::-1] & 1
    return np.packbits(planes.astype(np.uint8).reshape(-1)).tobytes()


def right_pngs(height: int = 13, width: int = 17) -> Named:
    """Each colour type in each depth, and chunks that are no part of the pixels, damaged or not."""
    random_numbers = np.random.default_rng(0)
    for colour, depths in DEPTHS.items():
        for bits in depths:
            pixels = random_numbers.integers(0, 2**bits, (height, width, CHANNELS[colour]))
            palette = random_numbers.bytes(3 * 2**bits) if colour == 3 else b""
            for interlaced in (False, True):
                name = f"png colour {colour}, {bits} bits{', interlaced' * interlaced}"
                yield name, png(pixels, colour, bits, interlaced=interlaced, palette=palette)
            if colour in (0, 2, 3):
                alpha = chunk(b"tRNS", bytes(max(1, 2**bits - 1) if colour == 3 else 2 * CHANNELS[colour]))
                yield (
                    f"png colour {colour}, {bits} bits, alpha",
                    png(pixels, colour, bits, palette=palette, before=alpha),
                )
    rgb, indices = random_numbers.integers(0, 256, (height, width, 3)), np.arange(height * width)[:, None] % 16
    indices, palette = indices.reshape(height, width, 1), random_numbers.bytes(48)
    for name, extra in _extra_chunks(width, height):
        yield f"png {name} before", png(rgb, 2, before=extra)
        yield f"png {name} behind", png(rgb, 2, behind=extra)
        yield f"png palette, {name} before", png(indices, 3, palette=palette, before=extra)
        yield f"png palette, {name} behind", png(indices, 3, palette=palette, behind=extra)
    alpha = chunk(b"tRNS", bytes(range(10)))
    yield "png alpha twice", png(indices, 3, palette=palette, before=alpha + chunk(b"tRNS", bytes([200] * 16)))
    yield "png alpha too long", png(indices, 3, palette=palette, before=chunk(b"tRNS", bytes(20)))
    start, rest = png(indices, 3, palette=palette).split(b"\0\0\0\x30PLTE")
    yield "png alpha before palette", start + alpha + b"\0\0\0\x30PLTE" + rest
    yield "png followed by more", png(rgb, 2) + b"more"


def _extra_chunks(width: int, height: int) -> Named:
    wrong_sum = chunk(b"tRNS", bytes(range(10)))[:-1] + b"?"
    frame = struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 1, 0, 0)
    yield from {
        "gamma": chunk(b"gAMA", struct.pack(">I", 100_000)),
        "short gamma": chunk(b"gAMA", b"\0"),
        "short size": chunk(b"pHYs", b"\0"),
        "background": chunk(b"bKGD", bytes(6)),
        "packed text": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000))),
        "bad text": chunk(b"zTXt", b"a\0\0abc"),
        "bad profile": chunk(b"iCCP", b"a\0\1zz"),
        "bad exif": chunk(b"eXIf", b"x"),
        "empty alpha": chunk(b"tRNS"),
        "alpha of a wrong sum": wrong_sum,
        "no frames": chunk(b"acTL", bytes(8)),
        "one frame": chunk(b"acTL", struct.pack(">II", 1, 0)) + chunk(b"fcTL", frame),
        "private": chunk(b"prVt", b"x"),
    }.items()


def wrong_pngs() -> Named:
    """Refused by libpng; Pillow alone would take most of them."""
    rgb = np.random.default_rng(0).integers(0, 256, (13, 17, 3))
    indices, palette = rgb[..., :1] % 16, bytes(48)
    pixels = chunk(b"IDAT", zlib.compress(bytes(13 * 52)))
    yield "png with an unknown critical chunk", png(rgb, 2, before=chunk(b"ABCD", b"x"))
    yield "png of another maker", png(rgb, 2, before=chunk(b"CgBI", bytes(4)))
    yield "png with two headers", png(rgb, 2, before=header(17, 13))
    yield "png with a chunk without a name", png(rgb, 2, behind=chunk(b"t\0xt", b"x"))
    yield "png without its palette", png(indices, 3)
    yield "png with two palettes", png(indices, 3, palette=palette, before=chunk(b"PLTE", palette))
    yield "png with a late palette", png(indices, 3, behind=chunk(b"PLTE", palette))
    yield "png with seven bytes of palette", png(indices, 3, palette=palette[:7])
    yield "png with a long header", PNG_HEAD + chunk(b"IHDR", struct.pack(">IIBB4x", 17, 13, 8, 2)) + pixels + PNG_END
    yield "png without pixels", PNG_HEAD + header(17, 13) + PNG_END
    yield "png without an end", png(rgb, 2)[:-12]
    yield "png with a split run", png(rgb, 2).replace(PNG_END, b"") + chunk(b"tEXt", b"a\0b")
    for ways in (b"\1\0\0", b"\0\1\0", b"\0\0\2"):
        yield f"png of the ways {ways.hex()}", PNG_HEAD + header(17, 13, ways=ways) + pixels + PNG_END
    for bits, colour in ((3, 0), (1, 2), (16, 3), (8, 5), (4, 6)):
        yield f"png colour {colour}, {bits} bits", PNG_HEAD + header(17, 13, bits, colour) + pixels + PNG_END
    for width, height in ((0, 1), (1, 0), (70_000, 1), (2**31 - 1, 2**31 - 1), (2**32 - 1, 2**32 - 1)):
        yield f"png of {width} x {height}", PNG_HEAD + header(width, height) + pixels + PNG_END


def bmp(pixels: np.ndarray, bits: int = 24, size: int = 40, *, down: bool = False, **facts: int | bytes) -> bytes:
    height, width = pixels.shape[:2]
    rows = [row[..., ::-1].astype(np.uint8).tobytes() for row in (pixels if down else pixels[::-1])]
    content = b"".join(row + bytes(-len(row) % 4) for row in rows)
    palette, gap = bytes(facts.get("palette", b"")), int(facts.get("gap", 0))
    offset = 14 + size + len(palette) + gap
    sizes = struct.pack("<IiiHHI", size, width, -height if down else height, 1, bits, int(facts.get("compression", 0)))
    rest = struct.pack("<IiiII", len(content), 2835, 2835, int(facts.get("colours", 0)), 0) + bytes(size - 40)
    return b"BM" + struct.pack("<IHHI", offset, 0, 0, offset) + sizes + rest + palette + bytes(gap) + content


def right_bmps() -> Named:
    rgb = np.random.default_rng(0).integers(0, 256, (13, 17, 3))
    for size in (40, 108, 124):
        for down in (False, True):
            yield f"bmp of {size}, down {down}", bmp(rgb, 24, size, down=down)
            grey = bmp(rgb[..., :1], 8, size, down=down, palette=GREYS, colours=256 * down)
            yield f"bmp grey of {size}, down {down}", grey
    yield "bmp with a gap", bmp(rgb, gap=6)
    yield "bmp followed by more", bmp(rgb) + b"\0\0"
    yield "bmp grey followed by more", bmp(rgb[..., :1], 8, palette=GREYS) + b"\0\0"


def wrong_bmps() -> Named:
    rgb = np.random.default_rng(0).integers(0, 256, (13, 17, 3))
    right = bmp(rgb)
    yield "bmp with an old header", bmp(rgb, 24, 52)
    yield "bmp 16 bit", bmp(rgb[..., :1], 16)
    yield "bmp packed", bmp(rgb[..., :1], 8, palette=GREYS, compression=1)
    yield "bmp palette", bmp(rgb[..., :1], 8, palette=bytes(1024))
    yield "bmp of png", bmp(rgb, compression=5)
    yield "bmp short", right[:-1]
    for place, wrong in ((10, 20), (10, 2**30), (18, -17), (18, 2**31 - 1), (22, -(2**31)), (22, 0)):
        yield f"bmp with {wrong} at {place}", right[:place] + struct.pack("<i", wrong) + right[place + 4 :]


def right_jpegs(rgb: Image.Image) -> Named:
    right = saved(rgb, "JPEG")
    first = right.index(b"\xff\xdb")
    yield "jpeg with bytes between segments", right[:first] + b"\0\1\2" + right[first:]
    for name, segment in {
        "bad exif": b"\xff\xe1\x00\x10Exif\0\0MM\0*zzzz",
        "a short profile": b"\xff\xe2\x00\x10ICC_PROFILE\0\1",
        "a short marker of Adobe's": b"\xff\xee\x00\x07Adobe",
        "a marker of Adobe's": b"\xff\xee\x00\x0eAdobe\0d\0\0\0\0\1",
        "fill bytes": b"\xff\xff\xff",
        "markers without a segment": b"\xff\x01\xff\xd3",
    }.items():
        yield f"jpeg with {name}", right[:2] + segment + right[2:]
    yield "jpeg followed by more", right + b"more" * 99
    yield "jpeg followed by itself", right + right


def wrong_jpegs(rgb: Image.Image) -> Named:
    right = saved(rgb, "JPEG")
    frame = right.index(b"\xff\xc0")
    yield "jpeg without an end", right[:-2]
    yield "jpeg with two starts", right[:2] + right
    yield "jpeg with an early end", right[:2] + b"\xff\xd9" + right[2:]
    yield "jpeg without tables", saved(rgb, "JPEG", streamtype=2)
    for sizes in ((0, 9), (9, 0), (65_535, 65_535), (5000, 10_001)):
        yield f"jpeg of {sizes}", right[: frame + 5] + struct.pack(">HH", *sizes) + right[frame + 9 :]
    for process in (0xC3, 0xC5, 0xCB):
        yield f"jpeg of process {process}", right[: frame + 1] + bytes([process]) + right[frame + 2 :]
    for precision in (2, 16):
        yield f"jpeg of {precision} bits", right[: frame + 4] + bytes([precision]) + right[frame + 5 :]


def right_gifs(rgb: Image.Image) -> Named:
    for colours in (2, 3, 16, 200, 256):
        for interlace in (0, 1):
            yield f"gif of {colours}, interlaced {interlace}", saved(rgb.quantize(colours), "GIF", interlace=interlace)
    yield "gif with a comment", saved(rgb.quantize(9), "GIF", comment=b"x" * 600, duration=100, loop=3)
    yield "gif followed by more", saved(rgb.quantize(9), "GIF") + b"more"
    yield "gif without its trailer", saved(rgb.quantize(9), "GIF")[:-1]


def right_webps(rgb: Image.Image) -> Named:
    for name, options in {"lossy": {}, "lossless": {"lossless": True}, "exif": {"exif": _turned()}}.items():
        right = saved(rgb, "WEBP", **options)
        yield f"webp {name}", right
        yield f"webp {name} followed by more", right + b"more"


def wrong_webps(rgb: Image.Image) -> Named:
    for name, options in {"lossy": {}, "lossless": {"lossless": True}, "exif": {"exif": _turned()}}.items():
        right = saved(rgb, "WEBP", **options)
        for place in (4, 16):
            for more in (-12, -2, 2, 100):
                size = max(0, int.from_bytes(right[place : place + 4], "little") + more)
                changed = right[:place] + struct.pack("<I", size) + right[place + 4 :]
                yield f"webp {name}, size at {place} changed by {more}", changed
        yield f"webp {name} short", right[:-3]


def damaged(data: bytes, dice: random.Random) -> bytes:
    """The file after one accident: bits, bytes or ranges flipped, lost, added, doubled or overwritten."""
    place, length, size = dice.randrange(len(data)), dice.randrange(1, 40), len(data)
    head, tail = data[:place], data[place:]
    accidents = [
        lambda: head + bytes([tail[0] ^ 1 << dice.randrange(8)]) + tail[1:],
        lambda: bytes(dice.randrange(256) if dice.random() < 6 / size else byte for byte in data),
        lambda: head,
        lambda: head + bytes(min(length, len(tail))) + tail[length:],
        lambda: head + dice.randbytes(length // 8 + 1) + tail,
        lambda: head + tail[length // 8 + 1 :],
        lambda: head + tail[:length] + tail,
        lambda: data[: place % 64] + dice.randbytes(1) + data[place % 64 + 1 :],
    ]
    return dice.choice(accidents)()
