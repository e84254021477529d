"""The sound in a record, such as a path or samples in memory, to the WAV file that a client would send: Python only."""

from __future__ import annotations

import io
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np

from multimodal_keras.runtime.reading import is_missing
from multimodal_keras.runtime.wav import FLOAT, MAX_CHANNELS, MAX_RATE, PCM

# What soundfile reads and a WAV file replaces; MP3 has no one start.
_COMPRESSED = (b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"caff")
_HELP = "Install it by pip install 'multimodal-keras[audio]', or convert the file to WAV."


def read_audio(value: Any, folder: Path | None = None) -> bytes:
    """A sound as the bytes of a WAV file; `b""` where it is missing.

    FLAC, Ogg, MP3, AIFF and AU are converted here, by soundfile.

    Args:
        value: a path, the bytes of a file, or a pair `(samples, rate)`: floats in [-1, 1] or int16, `(samples,)` or
            `(samples, channels)`, and Hz.
        folder: the folder to which a path is relative.

    Raises:
        ValueError: if it is none of these, the file cannot be read, or soundfile is needed and not there.
    """
    if is_missing(value):
        return b""
    if isinstance(value, (tuple, list)) and len(value) == 2 and np.ndim(value[0]) and not np.ndim(value[1]):
        return wav_bytes(np.asarray(value[0]), value[1])
    if not isinstance(value, (str, Path, bytes)):
        raise ValueError(
            "A sound is a path, the bytes of a file, or a pair (samples, rate). Received a "
            f"{type(value).__name__}. An array alone does not say its rate: give both."
        )
    if isinstance(value, bytes):
        return _converted(value) if _is_compressed(value) else value
    path = Path(folder or ".", value)
    try:
        return read_audio(path.read_bytes())
    except OSError as error:
        raise ValueError(
            f"A sound's path is relative to the file of its record. Received {str(value)!r}, and {path} cannot be "
            f"read ({error.strerror}). Correct the path, or leave the cell empty and declare optional=True."
        ) from None


def wav_bytes(samples: np.ndarray, rate: Any) -> bytes:
    """A WAV file: int16 as it is, floats with 32 bits.

    Args:
        samples: `(samples,)` or `(samples, channels)`.
        rate: Hz.

    Raises:
        ValueError: for another shape or dtype, or a rate that is no whole number.
    """
    whole = isinstance(rate, (int, float, np.number)) and float(rate).is_integer() and 1 <= rate <= MAX_RATE
    shape = samples.ndim in (1, 2) and (samples.ndim == 1 or 1 <= samples.shape[1] <= MAX_CHANNELS)
    if not whole or not shape or (samples.dtype != np.int16 and samples.dtype.kind != "f"):
        raise ValueError(
            "A sound in memory is (samples, rate): floats in [-1, 1] or int16, (samples,) or (samples, channels), and whole "
            f"Hz. Received {samples.dtype} {samples.shape} at {rate!r}. Convert it."
        )
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    kind, dtype = (PCM, "<i2") if samples.dtype == np.int16 else (FLOAT, "<f4")
    content = samples.astype(dtype).tobytes()
    size = np.dtype(dtype).itemsize
    form = pack("<HHIIHH", kind, channels, int(rate), int(rate) * channels * size, channels * size, 8 * size)
    body = b"WAVEfmt " + pack("<I", len(form)) + form + b"data" + pack("<I", len(content)) + content
    return b"RIFF" + pack("<I", len(body)) + body


def _is_compressed(data: bytes) -> bool:
    # A frame of MP3 begins with eleven ones.
    return data.startswith(_COMPRESSED) or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0)


def _converted(data: bytes) -> bytes:
    try:
        import soundfile  # of an extra
    except ImportError as error:
        raise ValueError(f"Sounds other than WAV are read by soundfile. Received one, and {error}. {_HELP}") from None
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"A sound's file must be whole and of a known format. Received {error}. Send WAV.") from None
    return wav_bytes(samples, rate)
