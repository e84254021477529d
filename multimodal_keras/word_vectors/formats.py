"""Stream word vectors out of files: word2vec (text and binary), GloVe, fastText's `.vec`; plain or gzipped."""

from __future__ import annotations

import gzip
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import numpy as np

FORMATS = ("auto", "word2vec", "glove", "binary")
_CHUNK = 1 << 20
_TOLERANT = "surrogateescape"  # files hold broken UTF-8 here and there; distinct words stay distinct

Entry = tuple[str, np.ndarray]


def read_entries(path: Path, form: str, wanted: Container[str] | None) -> Iterator[Entry]:
    """The words of a file with their vectors, in the file's order; what is not wanted is skipped unread.

    Args:
        path: of the file; `.gz` is unpacked on the way.
        form: `"word2vec"` (text with a first line of two numbers, also fastText's `.vec`), `"glove"` (text without it),
            `"binary"` (word2vec's), or `"auto"`: binary where the name has `.bin`, else as the first line looks.
        wanted: the words to keep; None for all.

    Yields:
        `(word, float32 (width,))`.

    Raises:
        ValueError: naming file and line (or word, where there are no lines) for whatever is damaged: no header, a wrong
            width, a number that is none, a kept word that comes twice, fewer or more words than the header says.
    """
    if form not in FORMATS:
        raise ValueError(f"The format is one of {', '.join(FORMATS)}. Received {form!r}. Choose one of these.")
    if form == "auto" and ".bin" in path.suffixes:
        form = "binary"
    if not path.is_file():
        raise ValueError(f"Word vectors are read from a file. Received {str(path)!r}, where there is none.")
    seen: set[str] = set()
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        entries = _binary(path, stream, wanted) if form == "binary" else _text(path, stream, form, wanted)
        for place, word, vector in entries:
            if word in seen:
                raise _damaged(path, place, f"the word {word!r} again", "Remove one of the two.")
            if not np.isfinite(vector).all():
                raise _damaged(path, place, f"NaN or infinity for {word!r}", "Remove the line.")
            seen.add(word)
            yield word, vector


def _damaged(path: Path, place: str, what: str, way: str) -> ValueError:
    return ValueError(
        f"A file of word vectors has each word once, with as many numbers. Received {path}, {place}: {what}. {way}"
    )


def _header(line: bytes) -> tuple[int, int] | None:
    fields = line.split()
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(map(bytes.isdigit, fields)) else None


def _text(path: Path, stream: Any, form: str, wanted: Container[str] | None) -> Iterator[tuple[str, str, np.ndarray]]:
    first = stream.readline()
    header = None if form == "glove" else _header(first)
    if form == "word2vec" and header is None:
        raise _damaged(
            path, "line 1", "no header of two numbers", "Pass format='glove', or put words and width in front."
        )
    width = header[1] if header else len(first.split()) - 1
    if width < 1:
        raise _damaged(path, "line 1", "no numbers behind a word", "Check that the file holds word vectors.")
    if header is None:
        yield from _line(path, 1, first, width, wanted)
    count, number = 0, 1
    for number, line in enumerate(stream, 2):
        if line.strip():
            count += 1
            yield from _line(path, number, line, width, wanted)
    if header is not None and count != header[0]:
        raise _damaged(
            path, f"line {number}", f"the end after {count} words, where line 1 says {header[0]}", "Fetch it again."
        )


def _line(
    path: Path, number: int, line: bytes, width: int, wanted: Container[str] | None
) -> Iterator[tuple[str, str, np.ndarray]]:
    # From the right: GloVe has words with spaces in them, such as ". . .".
    fields = line.rstrip().rsplit(None, width)
    place = f"line {number}"
    if len(fields) != width + 1 or _is_number(fields[0].split()[-1:] if b" " in fields[0] else []):
        raise _damaged(
            path, place, f"{len(line.split()) - 1} numbers instead of {width}", "Fetch it again, or remove the line."
        )
    word = fields[0].decode("utf-8", _TOLERANT)
    if wanted is None or word in wanted:
        try:
            yield place, word, np.array(fields[1:], "float32")
        except ValueError as error:
            raise _damaged(
                path, place, f"something that is no number for {word!r} ({error})", "Remove the line."
            ) from None


def _is_number(fields: list[bytes]) -> bool:
    try:
        return bool(fields) and float(fields[0]) == float(fields[0])
    except ValueError:
        return False


def _binary(path: Path, stream: Any, wanted: Container[str] | None) -> Iterator[tuple[str, str, np.ndarray]]:
    header = _header(stream.readline(64))
    if header is None:
        raise _damaged(path, "its start", "no header of two numbers", "Pass the format that it has.")
    words, width = header
    buffer, position = b"", 0
    for number in range(1, words + 1):
        place = f"word {number} of {words}"
        while (end := buffer.find(b" ", position)) < 0 or end + 1 + 4 * width > len(buffer):
            more = stream.read(max(_CHUNK, 8 * width))
            if not more:
                raise _damaged(path, place, "the end of the file", "Fetch it again.")
            buffer, position = buffer[position:] + more, 0
        word = buffer[position:end].lstrip(b"\n").decode("utf-8", _TOLERANT)
        position = end + 1 + 4 * width
        if wanted is None or word in wanted:
            yield place, word, np.frombuffer(buffer, "<f4", width, end + 1).copy()
    if (buffer[position:] + stream.read(8)).strip(b"\n"):
        raise _damaged(
            path, f"after word {words}", "more than the header says", "Fetch it again, or pass the format that it has."
        )
