"""Videos to frames without TensorFlow; ``modalities/video_graph.py`` is the twin of what does not read files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.containers import sniff
from multimodal_keras.runtime.gif import MAGIC, gif_frames, open_gif_frames
from multimodal_keras.runtime.image import decode_picture, picture_pixels
from multimodal_keras.runtime.reading import is_missing, read_image
from multimodal_keras.runtime.resize import resize_pixels
from multimodal_keras.runtime.video_files import VIDEO_FILES, read_video_file

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif")
_FORMS = "Pass a folder or a list of pictures, a GIF or a video (path or bytes), or uint8 (frames, height, width, 3)."


def evenly(known: int, frames: int) -> list[int]:
    """Which of `known` frames are kept: the middle one of each of `frames` equal parts; some twice, if there are fewer."""
    return [(2 * number + 1) * known // (2 * frames) for number in range(frames)]


def read_video(value: Any, folder: Path | None, frames: int) -> np.ndarray | None:
    """A record's value as what a client would send.

    Args:
        value: the path of a folder of pictures (in the order of their names, numbers as numbers), or a list of pictures
            (paths, bytes, pixels); `uint8 (frames, height, width, channels)`; the path or the bytes of a GIF; or those of a
            video file, whose frames become JPEG (with the extra `[video]`).
        folder: the folder to which paths are relative.
        frames: how many are kept; only these are read.

    Returns:
        An array of the bytes of files, `object (any,)`: one GIF, or at most `frames` pictures; None where it is missing.

    Raises:
        ValueError: if it is none of these, or a file cannot be read.
    """
    if is_missing(value):
        return None
    if isinstance(value, (str, Path)):
        return _read_path(Path(folder or ".", value), frames)
    if isinstance(value, bytes):
        return _files(_from_bytes(value, frames))
    if isinstance(value, (list, tuple, np.ndarray)):
        found = list(value)
        chosen = found if len(found) <= frames else [found[place] for place in evenly(len(found), frames)]
        files = [data for picture in chosen if (data := read_image(picture, folder))]
        return _files(files) if files else None
    raise ValueError(f"A video is its frames or its file. Received a {type(value).__name__}. {_FORMS}")


def _read_path(path: Path, frames: int) -> np.ndarray | None:
    if path.is_dir():
        pictures = sorted((file for file in path.iterdir() if file.suffix.lower() in PICTURES), key=_natural)
        if not pictures:
            raise ValueError(f"A folder of frames has pictures in it. Received {path.name!r}, which has none. {_FORMS}")
        return read_video(pictures, None, frames)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"The path of a video is relative to the file of its record. Received {path.name!r}, and {path} cannot be read "
            f"({error.strerror}). Correct it, or leave the cell empty and declare optional=True."
        ) from None
    if path.suffix.lower() not in (*PICTURES, *VIDEO_FILES):
        raise ValueError(f"A video's file is {', '.join((*VIDEO_FILES, '.gif'))}. Received {path.name!r}. {_FORMS}")
    return _files(_from_bytes(data, frames)) if data else None


def _natural(path: Path) -> list[Any]:
    """`frame2` before `frame10`."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]+)", path.name)]


def _from_bytes(data: bytes, frames: int) -> list[bytes]:
    try:
        sniff(data)
    except ValueError:
        return read_video_file(data, frames, evenly)
    return [data]


def _files(files: Sequence[bytes]) -> np.ndarray:
    array = np.empty(len(files), object)
    array[:] = files
    return array


def decode_video(
    files: Sequence[bytes], frames: int, size: tuple[int, int], resize: str, max_pixels: int
) -> np.ndarray:
    """Exactly `frames` frames.

    Args:
        files: one GIF, or pictures; empty ones are left out.
        frames: how many.
        size: wanted `(height, width)`, pixels.
        resize: as for `runtime.image.decode_picture`.
        max_pixels: the most pixels that are decoded: of a GIF's frames together, of a picture `max_pixels // frames`.

    Returns:
        `uint8 (frames, *size, 3)`; zeros if there is no file.

    Raises:
        ValueError: if one is no picture, damaged or too large.
    """
    known = [data for data in files if data]
    if not known:
        return np.zeros((frames, *size, 3), np.uint8)
    if len(known) == 1 and known[0][:6] in MAGIC:
        return _decode_gif(known[0], frames, size, resize, max_pixels)
    places = evenly(len(known), frames)
    decoded = {place: decode_picture(known[place], size, resize, max(1, max_pixels // frames)) for place in set(places)}
    return np.stack([decoded[place] for place in places])


def _decode_gif(data: bytes, frames: int, size: tuple[int, int], resize: str, max_pixels: int) -> np.ndarray:
    gif = open_gif_frames(data)
    if not 1 <= len(gif.frames) * gif.width * gif.height <= max_pixels:
        raise ValueError(
            f"A video's frames have at most {max_pixels} pixels together. Received {len(gif.frames)} of width {gif.width}, "
            f"height {gif.height}. Send fewer or smaller ones."
        )
    places = evenly(len(gif.frames), frames)
    wanted = sorted(set(places))
    pictures = gif_frames(gif, wanted)
    decoded = {place: resize_pixels(pixels, size, resize) for place, pixels in zip(wanted, pictures, strict=True)}
    return np.stack([decoded[place] for place in places])


def video_pixels(data: bytes) -> int:
    """How many pixels a file decodes to, by its blocks alone; `ValueError` if it cannot be read."""
    if data[:6] in MAGIC:
        gif = open_gif_frames(data)
        return len(gif.frames) * gif.width * gif.height
    return picture_pixels(data)
