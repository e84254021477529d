"""What the examples read: small files made up here, in the formats of the fetched ones."""

from __future__ import annotations

import sys
from pathlib import Path

import multimodal_keras as mk

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import word_stress


def test_stress_is_taken_away_from_sounds_and_becomes_the_label(tmp_path):
    lines = [
        "banana B AH0 N AE1 N AH0 # a fruit",
        "banana(2) B AH0 N AA1 N AH0",
        "cat K AE1 T",
        "understanding AH2 N D ER0 S T AE1 N D IH0 NG",
        "a-b-c EY1 B IY1 S IY1",
    ]
    (tmp_path / "dict").write_text("\n".join(lines), encoding="utf-8")
    first, second = word_stress.read_words(tmp_path / "dict")
    assert first == {"word": "banana", "sounds": "B AH N AE N AH", "stressed": "second", "stem": "banan"}
    assert second["stressed"] == "third"
    (row,) = word_stress.by_syllables(mk.data.Records.of([second]))
    assert row.tolist() == ["4", "", "", "", "", "AH", " N D", "ER", " S T", "AE", " N D", "IH", " NG"]
