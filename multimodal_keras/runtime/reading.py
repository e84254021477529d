"""The value in a record, such as a path, to what a client would send: Python only."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def is_missing(value: Any) -> bool:
    """Whether a record has no value here: None, NaN, or an empty string or list."""
    if value is None or (isinstance(value, (str, bytes, list, tuple)) and len(value) == 0):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def read_text(value: Any, folder: Path | None = None) -> bytes:
    """A text as UTF-8 bytes; `b""` where it is missing.

    Raises:
        ValueError: if it is neither a string nor bytes.
    """
    if is_missing(value):
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    raise ValueError(f"A text is a string or UTF-8 bytes. Received {value!r} of type {type(value).__name__}.")


def read_image(value: Any, folder: Path | None = None) -> bytes:
    """A picture as the bytes of its file; `b""` where it is missing. Pixels in memory become a PNG.

    Args:
        value: a path, the bytes of a file, or `uint8 (height, width[, channels])` with 1, 3 or 4 channels.
        folder: the folder to which a path is relative.

    Raises:
        ValueError: if it is none of these, or the file cannot be read.
    """
    if is_missing(value):
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, np.ndarray):
        return _png(value)
    if not isinstance(value, (str, Path)):
        raise ValueError(
            "A picture is a path, the bytes of a file, or an array (height, width, 1, 3 or 4) of uint8. "
            f"Received a {type(value).__name__}."
        )
    path = Path(folder or ".", value)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"A picture's path is relative to the file of its record. Received {str(value)!r}, and {path} cannot be "
            f"read ({error.strerror}). Correct the path, or leave the cell empty and declare optional=True."
        ) from None


def _png(pixels: np.ndarray) -> bytes:
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise ValueError(
            "A picture in memory is uint8 (height, width), or (height, width, channels) with 1, 3 or 4 channels. Received "
            f"{pixels.dtype} {pixels.shape}. Convert it, for instance by (255 * pixels).astype('uint8')."
        )
    content = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).save(content, "PNG")
    return content.getvalue()
