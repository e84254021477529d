"""The records with the highest loss, to look at."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multimodal_keras.evaluation.mistakes import ABSENT, Mistake
from multimodal_keras.evaluation.plots.style import ACCENT, DARK, Plot, drawn, short

_COLUMNS = 4
_LINES = 4
_WIDTH = 34


def gallery(task: str, rows: Sequence[Mistake]) -> Plot:
    """Picture, text, truth and answer of each record."""
    columns = min(len(rows), _COLUMNS)
    lines = math.ceil(len(rows) / columns)
    pictures = any(mistake.images for mistake in rows)
    heights = ([1.6] if pictures else []) + [1.3]

    def draw(figure: Figure) -> None:
        grid = figure.add_gridspec(lines, columns)
        for at, mistake in enumerate(rows):
            cells = grid[divmod(at, columns)].subgridspec(len(heights), 1, height_ratios=heights)
            if pictures:
                _show_picture(figure.add_subplot(cells[0]), mistake)
            _show_words(figure.add_subplot(cells[-1]), mistake)

    alt = f"The {len(rows)} records that {task} is answered worst for."
    size = (2.7 * max(columns, 2), (sum(heights) + 0.15) * lines)
    return drawn(Plot(f"{task}_mistakes", "Records with the highest loss", alt, task), size, draw)


def _show_picture(axes: Axes, mistake: Mistake) -> None:
    axes.set_axis_off()
    for pixels in list(mistake.images.values())[:1]:
        axes.imshow(pixels)


def _show_words(axes: Axes, mistake: Mistake) -> None:
    axes.set_axis_off()
    text = " | ".join(text for text in mistake.texts.values() if text != ABSENT)
    chance = "" if mistake.chance is None else f" ({mistake.chance:.0%})"
    axes.text(0.0, 1.0, wrapped(text), va="top", fontsize=8, transform=axes.transAxes)
    words = (
        (0.33, f"truth: {short(mistake.truth, 30)}", DARK),
        (0.14, f"answer: {short(mistake.answer, 24)}{chance}", ACCENT),
    )
    for height, line, colour in words:
        axes.text(0.0, height, line, color=colour, fontsize=8.5, fontweight="bold", transform=axes.transAxes)


def wrapped(text: str) -> str:
    """At most four lines; characters of East Asian scripts are two wide."""
    plain = short(text, 4 * _WIDTH)
    wide = any(unicodedata.east_asian_width(character) in "WF" for character in plain)
    lines = textwrap.wrap(plain, _WIDTH // 2 if wide else _WIDTH, max_lines=_LINES, placeholder=" …")
    return "\n".join(lines)
