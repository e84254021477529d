"""Write ``multimodal_keras/runtime/unicode_tables.json``: the frozen character tables of the text definition.

Run it with the oldest supported Python, so that the recorded Unicode version is the one that everybody has::

    python tools/make_unicode_tables.py

The tables are part of what a trained model means: a vocabulary fits only the tables it was made with. Newer
Unicode versions therefore do not call for a new file; making one is a change of the format.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

OUTPUT = Path(__file__).resolve().parents[1] / "multimodal_keras" / "runtime" / "unicode_tables.json"

# Scripts that are written without spaces, as whole Unicode blocks (unassigned places included, so that a
# character which a later Unicode version puts there is split as well), and pictographs.
NO_SPACE_BLOCKS = {
    "Thai": (0x0E00, 0x0E7F),
    "Lao": (0x0E80, 0x0EFF),
    "Myanmar": (0x1000, 0x109F),
    "Khmer": (0x1780, 0x17FF),
    "Khmer symbols": (0x19E0, 0x19FF),
    "Miscellaneous symbols and dingbats": (0x2600, 0x27BF),
    "CJK radicals, Kangxi radicals": (0x2E80, 0x2FDF),
    "CJK symbols, Hiragana, Katakana": (0x3000, 0x30FF),
    "Katakana phonetic extensions": (0x31F0, 0x31FF),
    "CJK extension A": (0x3400, 0x4DBF),
    "CJK unified ideographs": (0x4E00, 0x9FFF),
    "Myanmar extended B": (0xA9E0, 0xA9FF),
    "Myanmar extended A": (0xAA60, 0xAA7F),
    "CJK compatibility ideographs": (0xF900, 0xFAFF),
    "Halfwidth Katakana": (0xFF66, 0xFF9F),
    "Kana extensions and supplement": (0x1AFF0, 0x1B16F),
    "Pictographs, emoji": (0x1F000, 0x1FAFF),
    "Planes 2 and 3": (0x20000, 0x3FFFD),
}
# Format characters that only steer the display or mark a word boundary, and the two emoji presentation selectors.
INVISIBLE = {0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFE0E, 0xFE0F, 0xFEFF}
# UnicodeData.txt has a simple lower case here, str.lower() gives the full one of two code points.
SIMPLE_LOWER = {0x0130: 0x0069}


def is_separator(code_point: int) -> bool:
    """Punctuation, separators, controls, ASCII symbols and invisible marks."""
    category = unicodedata.category(chr(code_point))
    ascii_symbol = code_point < 0x80 and category[0] == "S"
    return category[0] in "PZ" or category == "Cc" or ascii_symbol or code_point in INVISIBLE


def is_noncharacter(code_point: int) -> bool:
    """One of the 66 that Unicode has set aside for ever; libraries differ in letting them through."""
    return 0xFDD0 <= code_point <= 0xFDEF or code_point & 0xFFFE == 0xFFFE


def is_split(code_point: int) -> bool:
    """A character of a script without spaces, or a pictograph: a word of its own."""
    inside = any(first <= code_point <= last for first, last in NO_SPACE_BLOCKS.values())
    return inside and not is_separator(code_point) and not is_noncharacter(code_point)


def ranges(predicate: Callable[[int], bool]) -> list[list[int]]:
    """``[first, last]`` (both included) for every run of code points that satisfy ``predicate``."""
    found: list[list[int]] = []
    for code_point in range(sys.maxunicode + 1):
        if predicate(code_point):
            if found and found[-1][1] == code_point - 1:
                found[-1][1] = code_point
            else:
                found.append([code_point, code_point])
    return found


def lower_pairs() -> list[tuple[int, int]]:
    """``(upper, lower)`` for each code point whose simple lower case is another code point."""
    pairs = []
    for code_point in range(sys.maxunicode + 1):
        lower = chr(code_point).lower()
        target = SIMPLE_LOWER.get(code_point, ord(lower) if len(lower) == 1 else code_point)
        if target != code_point:
            pairs.append((code_point, target))
    return pairs


def runs(pairs: list[tuple[int, int]]) -> list[list[int]]:
    """``[first, last, step, distance]``: each of first, first + step, ... last has its lower case at + distance."""
    found: list[list[int]] = []
    for upper, lower in pairs:
        run = found[-1] if found else [-9, -9, 1, 0]
        step = upper - run[1]
        fits = lower - upper == run[3] and (step == run[2] or (run[0] == run[1] and step <= 2))
        if fits:
            run[1], run[2] = upper, step
        else:
            found.append([upper, upper, 1, lower - upper])
    return found


def render() -> str:
    """The file's text: JSON, several entries to a line."""
    tables = {
        "noncharacters": ranges(is_noncharacter),
        "separators": ranges(is_separator),
        "split": ranges(is_split),
        "lower": runs(lower_pairs()),
    }
    parts = ["{", f' "format": 1,\n "unicode": "{unicodedata.unidata_version}",']
    for name, rows in tables.items():
        lines = [
            ", ".join(json.dumps(row, separators=(",", ":")) for row in rows[i : i + 8]) for i in range(0, len(rows), 8)
        ]
        parts.append(f' "{name}": [\n  ' + ",\n  ".join(lines) + "\n ]" + ("," if name != "lower" else ""))
    return "\n".join([*parts, "}", ""])


if __name__ == "__main__":
    OUTPUT.write_text(render(), encoding="utf-8")
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size} bytes, Unicode {unicodedata.unidata_version}")
