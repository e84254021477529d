"""Lines of UTF-8 text, with or without a byte order mark."""

from __future__ import annotations

from typing import BinaryIO

_MARK = b"\xef\xbb\xbf"


def skip_mark(file: BinaryIO) -> BinaryIO:
    """Start after the byte order mark, if there is one."""
    if file.read(len(_MARK)) != _MARK:
        file.seek(0)
    return file


def decode_line(line: bytes) -> tuple[str, str | None]:
    """The text of a line, and what is wrong with it or None."""
    try:
        return line.decode("utf-8"), None
    except UnicodeDecodeError as error:
        problem = (
            f"Text is UTF-8. Received the byte 0x{line[error.start]:02x} as number {error.start + 1} of its line. "
            "Save the file as UTF-8."
        )
        return line.decode("utf-8", "replace"), problem
