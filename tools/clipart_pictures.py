"""The pictures of the bundled data set: drawing, comparing, encoding and measuring them (see `make_clipart.py`)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import oxipng
from PIL import Image, ImageChops

SIDE = 96
PIXEL_LIMIT = 200_000_000
PALETTES = (6, 12, 24, 48)


def draw(path: Path) -> np.ndarray | None:
    """Return the picture on white, cropped to what is drawn and fitted into the square; None if too big or empty."""
    Image.MAX_IMAGE_PIXELS = None  # The limit is checked here, before any pixel is read.
    with Image.open(path) as opened:
        if opened.width * opened.height > PIXEL_LIMIT:
            return None
        picture = opened.convert("RGBA").reduce(max(1, min(opened.size) // 1024))
    canvas = Image.new("RGBA", picture.size, "white")
    canvas.alpha_composite(picture)
    picture = canvas.convert("RGB")
    difference = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).convert("L")
    box = difference.point([0] * 9 + [255] * 247).getbbox()
    if box is None:
        return None
    picture = picture.crop(box)
    scale = min(2.0, SIDE / max(picture.size))
    picture = picture.resize([max(1, round(edge * scale)) for edge in picture.size], Image.Resampling.LANCZOS)
    square = Image.new("RGB", (SIDE, SIDE), "white")
    square.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    return np.asarray(square)


def difference_hash(picture: np.ndarray) -> np.ndarray:
    """Return a signed difference hash: where a 16x16 grey thumbnail rises or falls, along rows and columns."""
    grey = Image.fromarray(picture).convert("L")
    along = np.asarray(grey.resize((17, 16), Image.Resampling.BOX), int)
    down = np.asarray(grey.resize((16, 17), Image.Resampling.BOX), int)
    steps = np.concatenate([np.diff(along, axis=1).ravel(), np.diff(down, axis=0).ravel()])
    return np.concatenate([steps > 3, steps < -3]).astype(np.float32)


def similarities(pictures: list[np.ndarray]) -> np.ndarray:
    """Return the Jaccard similarity of every two difference hashes: 1 means the same drawing, in whatever colours."""
    hashes = np.stack([difference_hash(picture) for picture in pictures])
    shared, counts = hashes @ hashes.T, hashes.sum(axis=1)
    return shared / np.maximum(counts[:, None] + counts - shared, 1)


def encode(picture: np.ndarray) -> list[tuple[int, float, bytes]]:
    """Return (bytes, squared error, PNG) of the picture with each palette size."""
    options = []
    for colours in PALETTES:
        image = Image.fromarray(picture).quantize(colours, Image.Quantize.MEDIANCUT, 3, dither=Image.Dither.NONE)
        palette = image.getpalette() or []
        triples = [palette[start : start + 3] for start in range(0, len(palette), 3)]
        image.putpalette([value for triple in triples for value in ([255] * 3 if min(triple) > 249 else triple)])
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        content = oxipng.optimize_from_memory(buffer.getvalue(), level=2, strip=oxipng.StripChunks.all())
        error = float(np.square(np.asarray(image.convert("RGB"), float) - picture).mean())
        options.append((len(content), error, content))
    return options


def colourfulness(content: bytes) -> float:
    """Return the colourfulness of Hasler and Suesstrunk (2003), divided by 100."""
    red, green, blue = np.moveaxis(np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), float), -1, 0)
    opponents = np.stack([red - green, (red + green) / 2 - blue]).reshape(2, -1)
    return round(float(np.hypot(*opponents.std(axis=1)) + 0.3 * np.hypot(*opponents.mean(axis=1))) / 100, 4)
