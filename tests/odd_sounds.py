"""Sounds that are rare and right, and sounds that are wrong, by name."""

from __future__ import annotations

from struct import pack

import numpy as np

RATE = 8000
_random = np.random.default_rng(4)
# Speech-like: loud and soft, and both ends of the range.
WAVE = np.concatenate([_random.normal(0, 0.3, 3000), _random.normal(0, 0.01, 1000), [-1.0, 1.0, 1.0, 0.0]])
WAVE = np.clip(WAVE, -1, 1)


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """A chunk, with the size that it says."""
    return name + pack("<I", len(content) if size is None else size) + content + b"\0" * (len(content) % 2)


def form(tag: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16, block: int | None = None) -> bytes:
    """A format chunk's content."""
    block = channels * bits // 8 if block is None else block
    return pack("<HHIIHH", tag, channels, rate % 2**32, rate * block % 2**32, block, bits)


def extended(tag: int, channels: int, bits: int, tail: bytes = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71") -> bytes:
    """An extensible format chunk's content."""
    return form(0xFFFE, channels, RATE, bits) + pack("<HHIH", 22, bits, 0, tag) + tail


def riff(*chunks: bytes, size: int | None = None, start: bytes = b"RIFF", kind: bytes = b"WAVE") -> bytes:
    """A file of chunks."""
    body = kind + b"".join(chunks)
    return start + pack("<I", len(body) if size is None else size) + body


def coded(wave: np.ndarray, tag: int, bits: int) -> bytes:
    """Samples as bytes."""
    if tag == 3:
        return wave.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return np.clip(np.rint(wave * 128) + 128, 0, 255).astype(np.uint8).tobytes()
    whole = np.clip(np.rint(wave * 2.0 ** (bits - 1)), -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1).astype("<i8")
    return whole.view(np.uint8).reshape(*whole.shape, 8)[..., : bits // 8].tobytes()


def wav(wave: np.ndarray = WAVE, tag: int = 1, bits: int = 16, rate: int = RATE) -> bytes:
    """A plain file; `wave` is `(samples,)` or `(samples, channels)`."""
    channels = 1 if wave.ndim == 1 else wave.shape[1]
    return riff(chunk(b"fmt ", form(tag, channels, rate, bits)), chunk(b"data", coded(wave, tag, bits)))


def accepted() -> dict[str, bytes]:
    """Files that are right."""
    stereo = np.stack([WAVE, np.roll(WAVE, 7)], axis=1)
    data = coded(WAVE, 1, 16)
    plain = chunk(b"fmt ", form())
    files = {f"{tag}-{bits} bits": wav(WAVE, tag, bits) for tag, bits in FORMATS}
    files |= {f"{tag}-{bits} bits stereo": wav(stereo, tag, bits) for tag, bits in FORMATS}
    files |= {
        f"extensible {tag}-{bits}": riff(
            chunk(b"fmt ", extended(tag, 2, bits)), chunk(b"data", coded(stereo, tag, bits))
        )
        for tag, bits in FORMATS
    }
    files |= {f"{rate} Hz": wav(WAVE, rate=rate) for rate in RATES}
    return files | {
        "seven channels": wav(np.stack([np.roll(WAVE, step) for step in range(7)], axis=1)),
        "one sample": wav(np.array([0.5])),
        "silence": wav(np.zeros(500)),
        "louder than full scale": wav(WAVE * 3, 3, 32),
        "extremes of floats": wav(np.array([3.4e38, -3.4e38, 1e-42, 0.5] * 50), 3, 32),
        "extremes of doubles": wav(np.array([1e300, -1e300, 1e-300, 0.5] * 50), 3, 64),
        "streaming size": riff(plain, chunk(b"data", data, 0xFFFFFFFF), size=0xFFFFFFFF),
        "sox's streaming size": riff(plain, chunk(b"data", data, 0x7FFFF000), size=0x7FFFF024),
        "a wrong size of the file": riff(plain, chunk(b"data", data), size=3),
        "odd chunks": riff(
            chunk(b"LIST", b"INFOodd"), plain, chunk(b"junk", b"x"), chunk(b"data", data), chunk(b"id3 ", b"x")
        ),
        "a longer format chunk": riff(chunk(b"fmt ", form() + b"\0\0"), chunk(b"data", data)),
        "two format chunks": riff(plain, chunk(b"fmt ", form(bits=8)), chunk(b"data", data)),
        "half a sample at the end": riff(plain, chunk(b"data", data + b"\1")),
        "bytes behind the end": wav() + b"RIFFmore",
        "63 chunks in front": riff(plain, *[chunk(b"junk", b"")] * 62, chunk(b"data", data)),
    }


def refused() -> dict[str, bytes]:
    """Files that are wrong."""
    data = coded(WAVE, 1, 16)
    plain, whole = chunk(b"fmt ", form()), wav()
    damaged = WAVE.copy()
    damaged[2000] = np.nan
    endless = WAVE.copy()
    endless[2000] = -np.inf
    return {
        "text": b"this is no sound at all",
        "one byte": b"R",
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "ogg": b"OggS" + bytes(100),
        "RF64": riff(plain, chunk(b"data", data), start=b"RF64"),
        "RIFX": riff(plain, chunk(b"data", data), start=b"RIFX"),
        "AVI": riff(plain, chunk(b"data", data), kind=b"AVI "),
        "only RIFF": b"RIFF",
        "no chunk": riff(),
        "no samples": riff(plain),
        "no format": riff(chunk(b"data", data)),
        "format behind the samples": riff(chunk(b"data", data), plain),
        "a short format": riff(chunk(b"fmt ", form()[:14]), chunk(b"data", data)),
        "a format cut short": riff(plain)[:-4],
        "zero samples": riff(plain, chunk(b"data", b"")),
        "a streaming size of nothing": riff(plain, chunk(b"data", b"", 0xFFFFFFFF)),
        "half a sample": riff(plain, chunk(b"data", b"\1")),
        "truncated": whole[:-100],
        "truncated by a byte": whole[:-1],
        "a huge size": riff(plain, chunk(b"data", data, 0x7FFFEFFF)),
        "a huge chunk in front": riff(plain, chunk(b"junk", b"", 0xFFFFFFFE), chunk(b"data", data)),
        "64 chunks in front": riff(plain, *[chunk(b"junk", b"")] * 63, chunk(b"data", data)),
        "no channel": riff(chunk(b"fmt ", form(channels=0)), chunk(b"data", data)),
        "65 channels": riff(chunk(b"fmt ", form(channels=65)), chunk(b"data", data)),
        "no rate": riff(chunk(b"fmt ", form(rate=0)), chunk(b"data", data)),
        "a huge rate": riff(chunk(b"fmt ", form(rate=2**32 - 1)), chunk(b"data", data)),
        "a rate with nothing in common": wav(rate=44_099),
        "a wrong block": riff(chunk(b"fmt ", form(block=3)), chunk(b"data", data)),
        "a block of nothing": riff(chunk(b"fmt ", form(block=0)), chunk(b"data", data)),
        "12 bits": riff(chunk(b"fmt ", form(bits=12, block=2)), chunk(b"data", data)),
        "floats of 16 bits": riff(chunk(b"fmt ", form(3)), chunk(b"data", data)),
        "mu-law": riff(chunk(b"fmt ", form(7, bits=8)), chunk(b"data", data)),
        "ADPCM": riff(chunk(b"fmt ", form(2, bits=4, block=1024)), chunk(b"data", data)),
        "another extension": riff(chunk(b"fmt ", extended(1, 1, 16, bytes(14))), chunk(b"data", data)),
        "an extension cut short": riff(chunk(b"fmt ", extended(1, 1, 16)[:38]), chunk(b"data", data)),
        "NaN": wav(damaged, 3, 32),
        "infinity": wav(endless, 3, 64),
        "too long": wav(np.zeros(RATE * 3 + 1)),
    }


FORMATS = ((1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64))
RATES = (4000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
