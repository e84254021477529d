"""Moving GIFs to frames without TensorFlow: the same frames as TensorFlow's decoder makes.

Each frame is drawn over the one before, where it is not transparent; nothing is disposed of in between. `docs/decoding.md`
has the definition in words, `modalities/gif_graph.py` is the twin.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from struct import unpack_from
from typing import NamedTuple

import numpy as np
from PIL import GifImagePlugin

from multimodal_keras.runtime.containers import CUT_SHORT

# Sub-blocks of at most 255 bytes: as many as a complete file of 50 MB has. Walking through more takes too long.
MOST_BLOCKS = 200_000
MAGIC = (b"GIF87a", b"GIF89a")
DISPOSED = (
    "A moving GIF's frames fill the picture and have no transparent colour, or none of them is disposed of. Send its frames "
    "as pictures, or save it without disposal."
)
PLACED = "A moving GIF's frames have a palette and lie inside of the picture. Save it again."


class GifFrame(NamedTuple):
    """One frame of a file, by its place in it."""

    left: int
    top: int
    width: int
    height: int
    palette: bytes
    transparent: int
    descriptor: int
    codes: bytes


class Gif(NamedTuple):
    """A file whose blocks were walked through; nothing is decoded."""

    width: int
    height: int
    frames: list[GifFrame]


def open_gif_frames(data: bytes) -> Gif:
    """Walk through the blocks of a GIF.

    Args:
        data: the file's content.

    Returns:
        Its size and frames.

    Raises:
        ValueError: if it has no frame, ends too early, has a frame outside of the picture or without a palette, or one that
            would have to be disposed of.
    """
    try:
        return _walk(data)
    except (IndexError, ValueError) as error:
        raise ValueError(str(error) if isinstance(error, ValueError) else CUT_SHORT) from None


def _walk(data: bytes) -> Gif:
    width, height = unpack_from("<HH", data.ljust(13, b"\0"), 6)
    position = 13 + _palette_bytes(data[10])
    palette, blocks, frames, disposals = data[13:position], 0, [], set()
    control: tuple[int, int] | None = None
    while data[position] != 0x3B:
        kind, start = data[position], position
        if kind == 0x21:
            if data[position + 1] == 0xF9 and control is None:
                control = _control(data[position : position + 8])
            position += 2
        elif kind == 0x2C:
            position += 11 + _palette_bytes(data[position + 9])
        else:
            raise ValueError(CUT_SHORT)
        codes = position
        position, count = _skip(data, position)
        blocks += count + 1
        if blocks > MOST_BLOCKS:
            raise ValueError(f"A GIF has at most {MOST_BLOCKS} blocks. Received more. Send its frames as pictures.")
        if kind == 0x2C:
            transparent, disposal = control or (-1, 0)
            frames.append(_frame(data, start, codes, position, palette, transparent))
            disposals.add(disposal)
            control = None
    return _checked(Gif(width, height, frames), bool(disposals & {2, 3}))


def _control(block: bytes) -> tuple[int, int]:
    """The transparent entry of the palette, or -1; and how the frame is disposed of."""
    if block[2] != 4:
        raise ValueError(CUT_SHORT)
    return block[6] if block[3] & 1 else -1, block[3] >> 2 & 7


def _checked(gif: Gif, disposed: bool) -> Gif:
    for frame in gif.frames:
        outside = frame.left + frame.width > gif.width or frame.top + frame.height > gif.height
        if outside or not frame.palette or not frame.width or not frame.height:
            raise ValueError(f"{PLACED} Received another one.")
    if not gif.frames:
        raise ValueError(CUT_SHORT)
    if disposed and any(_is_part(frame, gif.width, gif.height) for frame in gif.frames):
        raise ValueError(f"{DISPOSED} Received another one.")
    return gif


def _is_part(frame: GifFrame, width: int, height: int) -> bool:
    return frame.transparent >= 0 or (frame.width, frame.height) != (width, height)


def _frame(data: bytes, start: int, codes: int, end: int, palette: bytes, transparent: int) -> GifFrame:
    left, top, width, height = unpack_from("<HHHH", data, start + 1)
    flags = data[start + 9]
    own = data[start + 10 : start + 10 + _palette_bytes(flags)]
    return GifFrame(left, top, width, height, own or palette, transparent, flags, data[codes - 1 : end])


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _skip(data: bytes, position: int) -> tuple[int, int]:
    """Behind the sub-blocks, and how many there were."""
    count = 0
    while data[position]:
        position, count = position + 1 + data[position], count + 1
    return position + 1, count


def gif_frames(gif: Gif, wanted: Sequence[int]) -> list[np.ndarray]:
    """Some of the frames, as `uint8 (height, width, 3)`.

    Args:
        gif: see `open_gif_frames`.
        wanted: their numbers from 0, ascending.

    Raises:
        ValueError: if one is damaged.
    """
    canvas, pictures = np.zeros((gif.height, gif.width, 3), np.uint8), {}
    for number, frame in enumerate(gif.frames):
        # One that is damaged is refused, wanted or not.
        codes = _codes(frame)
        colours = np.frombuffer(frame.palette, np.uint8).reshape(-1, 3)
        drawn = codes != frame.transparent
        if codes[drawn].size and codes[drawn].max() >= len(colours):
            raise ValueError(CUT_SHORT)
        part = canvas[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
        part[drawn] = colours[codes[drawn]]
        if number in wanted:
            pictures[number] = canvas.copy()
    return [pictures[number] for number in wanted]


def _codes(frame: GifFrame) -> np.ndarray:
    """The palette's entries of one frame, by Pillow: from a file that holds nothing else."""
    size = frame.width.to_bytes(2, "little") + frame.height.to_bytes(2, "little")
    # A palette of 256 different colours that are no shades of grey, so that Pillow hands the numbers on as they are.
    palette = bytes(byte for number in range(256) for byte in (number, 255 - number, 0))
    interlaced = bytes([frame.descriptor & 0x40])
    data = b"GIF89a" + size + b"\xf7\0\0" + palette + b"," + bytes(4) + size + interlaced + frame.codes + b";"
    try:
        picture = GifImagePlugin.GifImageFile(io.BytesIO(data))
        return np.asarray(picture)
    except (OSError, SyntaxError, EOFError, IndexError, ValueError) as error:
        raise ValueError(f"{CUT_SHORT} (gif: {error})") from error
