"""The sound in a record, such as a path or samples in memory, to the WAV file that a client would send: Python only."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np

from multimodal_keras.runtime.reading import is_missing
from multimodal_keras.runtime.wav import FLOAT, MAX_CHANNELS, MAX_RATE, PCM, TOO_LONG

# What soundfile reads and a WAV file replaces; MP3 has no one start.
_COMPRESSED = (b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"caff")
_IN_GRAPH = (b"fLaC", b"OggS", b"ID3")
_SUBTYPES = ("PCM_16", "PCM_24", "VORBIS", "MPEG_LAYER_III")
WRONG_COMPRESSED = (
    "A compressed sound is FLAC of 16 or 24 bits, Ogg Vorbis or MP3 (layer III). Send one of these, or WAV."
)
_HELP = "Install it by pip install 'multimodal-keras[audio]', or convert the file to WAV."


def read_audio(value: Any, folder: Path | None = None, *, compressed: bool = False) -> bytes:
    """A sound as the bytes of a WAV file; `b""` where it is missing.

    FLAC, Ogg, MP3, AIFF and AU are converted here, by soundfile; the first three stay as they are for a model that decodes
    them itself.

    Args:
        value: a path, the bytes of a file, or a pair `(samples, rate)`: floats in [-1, 1] or int16, `(samples,)` or
            `(samples, channels)`, and Hz.
        folder: the folder to which a path is relative.
        compressed: whether the model takes FLAC, Ogg Vorbis and MP3.

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
        stays = not _is_compressed(value) or (compressed and is_decoded_in_graph(value))
        return value if stays else _converted(value)
    path = Path(folder or ".", value)
    try:
        return read_audio(path.read_bytes(), compressed=compressed)
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


def is_decoded_in_graph(data: bytes) -> bool:
    """Whether a file begins as FLAC, Ogg or MP3 does: the twin of `modalities.compressed_graph.is_compressed`."""
    return data.startswith(_IN_GRAPH) or _is_mp3_frame(data)


def wav_of(data: bytes, max_seconds: float) -> bytes:
    """FLAC, Ogg Vorbis and MP3 as WAV, where the model decodes them in its graph.

    Raises:
        ValueError: if it is another format inside, too long, damaged, or soundfile is not here.
    """
    return _converted(data, max_seconds, _SUBTYPES) if is_decoded_in_graph(data) else data


def compressed_seconds(data: bytes) -> int:
    """How long a compressed sound is, in whole seconds, rounded up, by its header; `ValueError` if it cannot be read."""
    with _opened(data) as file:
        return -(-file.frames // file.samplerate)


def _is_mp3_frame(data: bytes) -> bool:
    # It begins with eleven ones.
    return len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0


def _is_compressed(data: bytes) -> bool:
    return data.startswith(_COMPRESSED) or _is_mp3_frame(data)


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    try:
        import soundfile  # of an extra
    except ImportError as error:
        raise ValueError(f"Sounds other than WAV are read by soundfile. Received one, and {error}. {_HELP}") from None
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            yield file
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"A sound's file must be whole and of a known format. Received {error}. Send WAV.") from None


def _converted(data: bytes, max_seconds: float | None = None, subtypes: Collection[str] | None = None) -> bytes:
    with _opened(data) as file:
        if subtypes is not None and file.subtype not in subtypes:
            raise ValueError(f"{WRONG_COMPRESSED} Received {file.format} with {file.subtype}.")
        if max_seconds is not None and file.frames > max_seconds * file.samplerate:
            raise ValueError(f"{TOO_LONG} Received {file.frames / file.samplerate:.1f} seconds.")
        return wav_bytes(file.read(dtype="float32", always_2d=True), file.samplerate)
