"""WAV files to samples with numpy: the definition that ``modalities/wav_graph.py`` repeats in TensorFlow.

``docs/decoding.md`` has it in words. The header is read first and says all that the file costs; of the samples only those
are read that are asked for.
"""

from __future__ import annotations

from struct import unpack_from
from typing import NamedTuple

import numpy as np

MAX_CHUNKS = 64  # in front of the samples: each costs a step in the graph
MAX_CHANNELS = 64
MAX_RATE = 768_000
STREAMED = 0x7FFF_F000  # a size from here on means that the writer did not know it, and the samples go on to the end
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
# Format tag and bits of a sample; the place in this list is the branch in the graph.
FORMATS = ((PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64))
GUID_TAIL = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x008\x9bq"

SEND = "Send a WAV file with PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64."
NOT_WAV = f"The bytes must be a WAV file (RIFF). {SEND}"
CUT_SHORT = "A sound must be complete. Send the whole file."
NO_SAMPLES = "A sound must have at least one sample. Send a longer one."
WRONG_FORMAT = f"A WAV file's format must be a known one. {SEND}"
WRONG_SHAPE = (
    f"A WAV file must have 1 to {MAX_CHANNELS} channels, a rate of 1 to {MAX_RATE} Hz, and blocks of their size. "
    "Correct its header."
)
TOO_LONG = "A sound must not be longer than the model takes. Send a shorter one, or raise max_seconds."
NOT_FINITE = "A sound's samples must be finite. Remove NaN and infinity."


class Header(NamedTuple):
    """What a WAV file's header says.

    Attributes:
        rate: samples a second of one channel, Hz.
        channels: how many.
        form: the place of its format in `FORMATS`.
        start: where the samples begin, in bytes.
        frames: how many samples each channel has.
    """

    rate: int
    channels: int
    form: int
    start: int
    frames: int

    @property
    def block(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * FORMATS[self.form][1] // 8


def wav_header(data: bytes) -> Header:
    """Read a WAV file's header.

    Args:
        data: the file's content.

    Raises:
        ValueError: if it is no WAV file, of a format that is not accepted, or cut short.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError(f"{NOT_WAV} Received bytes that begin with {data[:12]!r}.")
    form, start, size = _chunks(data)
    rate, channels, found = _format(data, *form)
    rest = len(data) - start
    if size >= STREAMED:
        size = rest
    if size > rest:
        raise ValueError(f"{CUT_SHORT} Received {rest} of {size} bytes of samples.")
    header = Header(rate, channels, found, start, 0)
    frames = size // header.block
    if frames < 1:
        raise ValueError(f"{NO_SAMPLES} Received {size} bytes of samples.")
    return header._replace(frames=frames)


def _chunks(data: bytes) -> tuple[tuple[int, int], int, int]:
    """Place and size of the first format chunk, then place and size of the samples."""
    position, form = 12, (0, 0)
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            break
        name, size = data[position : position + 4], unpack_from("<I", data, position + 4)[0]
        if name == b"data":
            return form, position + 8, size
        if name == b"fmt " and not form[0]:
            form = (position + 8, size)
        position += 8 + size + size % 2
    raise ValueError(f"{CUT_SHORT} Received a WAV file without samples in its first {MAX_CHUNKS} chunks.")


def _format(data: bytes, place: int, size: int) -> tuple[int, int, int]:
    """Rate, channels, and the place in `FORMATS`."""
    if not place or size < 16:
        raise ValueError(f"{WRONG_FORMAT} Received none in front of the samples.")
    tag, channels, rate, _, block, bits = unpack_from("<HHIIHH", data, place)
    if tag == EXTENSIBLE and size >= 40 and data[place + 26 : place + 40] == GUID_TAIL:
        tag = unpack_from("<H", data, place + 24)[0]
    if (tag, bits) not in FORMATS:
        raise ValueError(f"{WRONG_FORMAT} Received the format {tag} with {bits} bits.")
    if not 1 <= channels <= MAX_CHANNELS or not 1 <= rate <= MAX_RATE or block != channels * bits // 8:
        raise ValueError(f"{WRONG_SHAPE} Received {channels} channels at {rate} Hz in blocks of {block} bytes.")
    return rate, channels, FORMATS.index((tag, bits))


def wav_samples(data: bytes, header: Header, first: int, last: int) -> np.ndarray:
    """Some of a file's samples, the mean of all channels.

    Args:
        data: the file's content.
        header: of it.
        first: the first sample.
        last: the one behind the last.

    Returns:
        `float32 (last - first,)` in [-1, 1].

    Raises:
        ValueError: if one of them is not finite.
    """
    part = data[header.start + first * header.block : header.start + last * header.block]
    samples = _numbers(part, header.form).reshape(-1, header.channels)
    return samples.mean(axis=1, dtype=np.float32)


def _numbers(part: bytes, form: int) -> np.ndarray:
    kind, bits = FORMATS[form]
    if kind == FLOAT:
        numbers = np.frombuffer(part, f"<f{bits // 8}")
        if not np.isfinite(numbers).all():
            raise ValueError(f"{NOT_FINITE} Received others.")
        return np.clip(numbers, -1, 1).astype(np.float32)
    if bits == 8:
        return (np.frombuffer(part, np.uint8).astype(np.float32) - 128) / 128
    if bits == 24:
        wide = np.zeros((len(part) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(part, np.uint8).reshape(-1, 3)
        return wide.reshape(-1).view("<i4").astype(np.float32) / np.float32(2**31)
    return np.frombuffer(part, f"<i{bits // 8}").astype(np.float32) / np.float32(2 ** (bits - 1))
