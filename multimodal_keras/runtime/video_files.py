"""Video files to frames, when records are read: MP4 and others, by PyAV, whose wheel brings FFmpeg's decoders along."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from typing import Any

VIDEO_FILES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ogv")
_QUALITY = 95
MOST_FRAMES = 200_000


def read_video_file(data: bytes, frames: int, evenly: Callable[[int, int], list[int]]) -> list[bytes]:
    """Some frames of a video as JPEG, upright as they are stored.

    Args:
        data: the file's content.
        frames: how many at most.
        evenly: from the number of frames there are, and of those wanted, to which are kept.

    Returns:
        The bytes of JPEG files.

    Raises:
        ValueError: if PyAV is not installed, the file is no video, or it has no frame or too many.
    """
    try:
        av = importlib.import_module("av")
    except ImportError:
        raise ValueError(
            "A video file is decoded by PyAV, which is not here. Run: pip install 'multimodal-keras[video]'. Or send a GIF, "
            "or its frames as pictures."
        ) from None
    try:
        with av.open(io.BytesIO(data)) as video:
            known = _count(video)
        if not known:
            raise ValueError("A video has frames. Received a file that has none. Send another one.")
        with av.open(io.BytesIO(data)) as video:
            return _chosen(video, list(range(known)) if known <= frames else evenly(known, frames))
    except av.error.FFmpegError as error:
        raise ValueError(
            f"A video can be decoded by FFmpeg. Received a file that cannot ({error.strerror or error}). Send another one, "
            "a GIF, or its frames as pictures."
        ) from None


def _stream(video: Any) -> Any:
    if not video.streams.video:
        raise ValueError("A video has pictures. Received a file without. Send another one.")
    return video.streams.video[0]


def _count(video: Any) -> int:
    """Packets, which costs no decoding."""
    count = 0
    for packet in video.demux(_stream(video)):
        count += packet.size > 0
        if count > MOST_FRAMES:
            raise ValueError(f"A video has at most {MOST_FRAMES} frames. Received more. Cut it.")
    return count


def _chosen(video: Any, places: list[int]) -> list[bytes]:
    found: dict[int, bytes] = {}
    stream, wanted, last = _stream(video), set(places), b""
    stream.thread_type = "AUTO"
    for number, frame in enumerate(video.decode(stream)):
        if number in wanted:
            file = io.BytesIO()
            frame.to_image().save(file, "JPEG", quality=_QUALITY)
            found[number] = last = file.getvalue()
        if number >= places[-1]:
            break
    if not found:
        raise ValueError("A video has frames. Received a file of which none can be decoded. Send another one.")
    # Where fewer come out than went in, the last one stands for those that lack.
    return [found.get(place, last) for place in places]
