"""What the examples read: small files made up here, in the formats of the fetched ones."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import multimodal_keras as mk

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import creature_actions
import machine_parts
import word_meanings
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


def test_a_model_is_cut_into_triangles_and_its_surface_sampled_by_area():
    lines = ["PIE 3", "POINTS 4", "0 0 0", "2 0 0", "2 0 2", "0 0 2", "POLYGONS 2"]
    square = machine_parts.triangles("\n".join([*lines, "200 4 0 1 2 3 0 0 1 0 1 1 0 1", "200 3 0 1 2 0 0 1 0 1 1"]))
    assert square.shape == (3, 3, 3)
    # Two of the square's half, and one more of one of them.
    cloud = machine_parts.surface(square, 300, np.random.default_rng(0))
    assert cloud.shape == (300, 6)
    assert np.allclose(np.abs(cloud[:, 3:]), [0, 1, 0])
    assert cloud[:, [0, 2]].min() >= 0
    assert cloud[:, [0, 2]].max() <= 2
    assert 170 < np.sum(cloud[:, 0] >= cloud[:, 2]) < 230


def test_variants_of_a_model_share_a_stem():
    assert {machine_parts.stem(name) for name in ("prhlhtr3", "prhrhtr3", "prhhtr1")} == {"prhhtr"}
    assert {machine_parts.stem(name) for name in ("blwall4", "blwall4smash", "blwall_col")} == {"blwall"}


def test_frames_are_cut_out_by_the_square_around_them():
    sheet = Image.new("RGBA", (20, 10))
    sheet.paste((255, 0, 0, 255), (0, 0, 10, 10))
    # Two frames of the same red square; the second one stands ten pixels further right.
    video = creature_actions.clip(sheet, [[0, 0, 10, 10, 0, 10], [0, 0, 10, 10, -10, 10]])
    half = creature_actions.SIDE // 2
    red, grey = [255, 0, 0], [128, 128, 128]
    assert video.shape == (2, 2 * half, 2 * half, 3)
    assert [frame[half + 2, place].tolist() for frame in video for place in (2, half + 2)] == [red, grey, grey, red]


def test_places_of_frames_are_read(tmp_path):
    text = "image=a.png\n\n[run]\nframes=2\nframe=0,3,1,2,3,4,5,6\nframe=1,3,7,8,9,10,11,12\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    boxes = {(0, 3): [1, 2, 3, 4, 5, 6], (1, 3): [7, 8, 9, 10, 11, 12]}
    assert creature_actions.read_animations(tmp_path / "a.txt") == ("a.png", {"run": boxes})


def test_nouns_of_one_sense_and_their_vectors_are_read(tmp_path):
    for part in ("verb", "adv"):
        (tmp_path / f"index.{part}").write_text("  1 licence\n", encoding="utf-8")
    (tmp_path / "index.adj").write_text("red a 1 1 ! 1 0 00000007  \n", encoding="utf-8")
    nouns = ["cat n 1 1 @ 1 1 00000002  ", "red n 1 1 @ 1 0 00000003  ", "bat n 2 1 @ 2 1 00000002 00000003  "]
    (tmp_path / "index.noun").write_text("\n".join(nouns), encoding="utf-8")
    data = ["00000002 05 n 01 cat 0 000 | an animal  ", "00000003 07 n 01 red 0 000 | a colour  "]
    (tmp_path / "data.noun").write_text("\n".join(data), encoding="utf-8")
    kinds = word_meanings.read_nouns(tmp_path)
    assert kinds == {"cat": "animal"}
    numbers = ",".join(str(number / 4) for number in range(102))
    (tmp_path / "v.json").write_text(f'{{"words":["cat"],"vectors":{{"dog":[{numbers}],"cat":[{numbers}]}}}}')
    vectors = word_meanings.read_vectors(tmp_path / "v.json", kinds)
    assert list(vectors) == ["cat"]
    assert vectors["cat"].tolist() == [number / 4 for number in range(100)]
