"""How every plot looks, and how it becomes a PNG: figures of their own, on the Agg backend, no state of pyplot's."""

from __future__ import annotations

import io
import math
import unicodedata
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Told apart by lightness too, so in grey and with any colour blindness (dark blue and burnt orange).
DARK, LIGHT, ACCENT, GREY = "#00407a", "#8aa8c8", "#b85c00", "#6b6b6b"
COLOURS = "cividis"
DPI = 144
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.facecolor": "white",
    "font.size": 10,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "text.parse_math": False,
}
# Matplotlib falls back from font to font; these are what systems have for scripts that its own font lacks.
_FALLBACKS = (
    *(f"Noto Sans CJK {region}" for region in ("SC", "TC", "JP", "KR")),
    *(f"Noto Sans {script}" for script in ("Thai", "Devanagari", "Bengali", "Tamil", "Arabic", "Hebrew")),
    *("WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Arial Unicode MS"),
)


@dataclass(frozen=True)
class Plot:
    """A finished plot.

    Attributes:
        name: of its file, without the suffix.
        title: what it is, to read.
        alt: what it shows, for somebody who does not see it.
        task: the task that it is about; empty for all.
        png: the bytes of the file.
    """

    name: str
    title: str
    alt: str
    task: str = ""
    png: bytes = field(default=b"", repr=False)


def drawn(plot: Plot, size: tuple[float, float], draw: Callable[[Figure], None]) -> Plot:
    """Draw a plot on a figure of its own.

    Args:
        plot: all but its bytes.
        size: width and height in inches.
        draw: draws on the figure.

    Returns:
        The plot with its bytes.
    """
    known = set(font_manager.fontManager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in _FALLBACKS if font in known)]
    with matplotlib.rc_context({**_STYLE, "font.family": fonts}), warnings.catch_warnings():
        # A record may hold any character; one that no font has is drawn as a box, and the page shows it as text.
        warnings.filterwarnings("ignore", message=r"(?s)Glyph .* missing from")
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return replace(plot, png=file.getvalue())


def thinned(points: np.ndarray, most: int = 1000) -> np.ndarray:
    """At most so many of a curve's points, evenly, with the first and the last."""
    if len(points) <= most:
        return points
    return points[np.unique(np.linspace(0, len(points) - 1, most).astype(int))]


def short(text: str, longest: int = 22) -> str:
    """A label cut to fit, in one line without control characters."""
    line = " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def compact(count: int) -> str:
    """`950`, `1.2k`, `35k`, `4.1M`: a count of few characters."""
    for size, suffix in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.1f}{suffix}" if count < 10 * size else f"{math.floor(count / size)}{suffix}"
    return str(count)


def unit_square(axes: Axes, across: str, up: str) -> None:
    """Axes of two shares."""
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=across, ylabel=up, aspect="equal")
