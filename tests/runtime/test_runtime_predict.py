"""`runtime.load(path).predict(records)`: the answers of the SavedModel, without TensorFlow, from any thread."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import odd_pictures as odd
import pytest
from PIL import Image

import multimodal_keras as mk
from multimodal_keras.modalities import image_graph

FRESH = """
import importlib.abc, json, sys
UNWANTED = ("tensorflow", "keras", "pandas", "pyarrow", "wrapt", "yaml", "sklearn")

class Absent(importlib.abc.MetaPathFinder):
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in UNWANTED else self.finder.find_spec(name, path, target)

if sys.argv[3] == "absent":
    sys.meta_path[:] = [Absent(finder) for finder in sys.meta_path]
import multimodal_keras.runtime
with multimodal_keras.runtime.load(sys.argv[1]) as model:
    print(json.dumps(model.predict(sys.argv[2])))
print([name for name in UNWANTED if name in sys.modules and name != "wrapt"])
"""


@pytest.fixture(scope="module")
def exported(clipart, tmp_path_factory):
    """An untrained model of which every field may be missing."""
    model = mk.build_model(
        {
            "title": mk.TextModality(8, unit="subword", optional=True),
            "image": mk.ImageModality((16, 16), resize="pad", optional=True),
            "line": mk.TextModality(3, vocabulary=["red", "cat"], stop_words=["the"], optional=True),
        },
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead(unit="share")},
        encoders={"title": mk.LSTMEncoder(8, embedding_width=8), "image": mk.Conv2DEncoder((8,))},
        adapt_to=[{**record, "line": "the red cat"} for record in clipart],
    )
    return mk.export(model, tmp_path_factory.mktemp("runtime") / "1", sample=clipart, sample_size=4).folder


@pytest.fixture(scope="module")
def file(exported, tmp_path_factory):
    """The file alone, in an empty folder."""
    path = tmp_path_factory.mktemp("alone") / "drawings.tflite"
    path.write_bytes((exported / "model.tflite").read_bytes())
    return path


@pytest.fixture(scope="module")
def lite(file):
    with mk.runtime.load(file) as model:
        yield model


@pytest.fixture(scope="module")
def saved(exported):
    return mk.runtime.load(exported)


@pytest.fixture(scope="module")
def paths(clipart):
    return [clipart.folder / record["image"] for record in clipart]


@pytest.fixture(scope="module")
def rows(clipart, paths):
    """Titles in several scripts, missing ones, and an unknown field, as a data set with labels has."""
    titles = ["黑猫和白狗", "", None, "ÅNGSTRÖM Straße", *(record["title"] for record in clipart.take(8))]
    return [
        {"title": title, "image": str(path), "line": "the red dog", "subject": "?"}
        for title, path in zip(titles, paths, strict=False)
    ]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for answer, wanted in zip(found, expected, strict=True):
        assert answer.keys() == wanted.keys() == {"subject", "colourful"}
        assert answer["subject"]["probabilities"] == pytest.approx(wanted["subject"]["probabilities"], abs=1e-4)
        assert answer["colourful"]["value"] == pytest.approx(wanted["colourful"]["value"], abs=1e-4)
        assert answer["colourful"]["unit"] == "share"


def written(rows, path):
    """The rows as a file beside their pictures, which it names by relative paths."""
    for number, row in enumerate(rows):
        (path.parent / f"{number}.png").write_bytes(Path(row["image"]).read_bytes())
    rows = [{**row, "image": f"{number}.png"} for number, row in enumerate(rows)]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, fieldnames=list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_records_in_memory(lite, saved, file, rows):
    expected = saved.predict(rows)
    assert_same(lite.predict(rows), expected)
    assert_same(lite.predict(iter(rows), batch_size=5), expected)
    assert_same(lite.predict(mk.data.Records.of(rows)), expected)
    assert_same(mk.predict(file, rows), expected)
    as_bytes = [{**row, "image": Path(row["image"]).read_bytes()} for row in rows]
    assert_same(lite.predict(as_bytes), expected)
    pixels = [{"image": np.asarray(Image.open(row["image"]).convert("RGBA"))} for row in rows]
    assert_same(lite.predict(pixels), saved.predict([{"image": row["image"]} for row in rows]))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_files_of_records(suffix, lite, saved, file, rows, tmp_path):
    path = written(rows, tmp_path / f"rows{suffix}")
    assert_same(lite.predict(path), saved.predict(rows))
    assert_same(lite.predict(str(path)), mk.predict(file, path))


@pytest.mark.parametrize("way", ["not imported", "absent"])
def test_nothing_but_the_runtime_is_imported(way, file, saved, rows, tmp_path):
    path = written(rows, tmp_path / "rows.csv")
    command = [sys.executable, "-W", "error", "-c", FRESH, str(file), str(path), way]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answers, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    assert_same(json.loads(answers), saved.predict(rows))


def test_tensors_are_the_savedmodels_own(lite, saved, paths):
    """Its signature for tensors gives the same numbers for ours as its signature for raw values for the raw ones."""
    files = [
        data for path in paths[::16] for _, data in odd.rewritten(path) if image_graph.HAS_WEBP or data[:1] != b"R"
    ]
    titles = [b"", b"\xff\xfe bad", "ΟΔΟΣ Ὀδυσσεύς".encode(), "ภาษาไทย 東京 👩‍👧".encode(), b"a\0b", b"x" * 999, b"  "]
    raw = {"image": [*files, b""], "title": [titles[row % len(titles)] for row in range(len(files) + 1)]}
    raw["line"] = raw["title"][::-1]
    ours, theirs = saved.call("tensors", lite.decode(raw)), saved.outputs(raw)
    for task in theirs:
        np.testing.assert_array_equal(ours[task], theirs[task])
        np.testing.assert_allclose(lite.outputs(raw)[task], theirs[task], atol=2e-5)


def test_what_one_refuses_the_other_refuses(lite, saved, paths):
    rgb = Image.open(paths[0]).convert("RGB").resize((61, 40))
    wrong = [data for _, data in [*odd.wrong_pngs(), *odd.wrong_bmps(), *odd.wrong_jpegs(rgb)]]
    dice = random.Random(3)
    for path in paths[:8]:
        files = [data for name, data in odd.rewritten(path) if name.split()[0] in ("png", "bmp", "jpeg")]
        wrong += [odd.damaged(data, dice) for data in files for _ in range(3)]
    records = [{"title": "wrong picture", "image": data} for data in wrong]
    found, skipped = {}, {}
    for name, model in (("lite", lite), ("saved", saved)):
        skipped[name] = []
        found[name] = model.predict(records, on_error="skip", skipped=skipped[name])
    refused = ["error" in answer for answer in found["saved"]]
    assert ["error" in answer for answer in found["lite"]] == refused
    assert len(records) > 300
    assert 50 < sum(refused) < len(refused)
    assert [entry["row"] for entry in skipped["lite"]] == [row for row, bad in enumerate(refused, 1) if bad]
    assert all("Received" in entry["reason"] for entry in [*skipped["lite"], *skipped["saved"]])
    good = [[answer for answer in answers if "error" not in answer] for answers in found.values()]
    assert_same(*good)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"image": 5}, "field 'image': A picture is a path"),
        ({"image": [1, 2]}, "field 'image': A picture is a path"),
        ({"image": {"b64": ""}}, "field 'image': A picture is a path"),
        ({"image": np.zeros((4, 4), "float32")}, "field 'image': A picture in memory is uint8"),
        ({"image": "nowhere.png"}, "nowhere.png"),
        ({"image": "."}, "field 'image'"),
        ({"title": 5}, "field 'title': A text is a string"),
        (
            {"titel": "typed wrong", "picture": "x"},
            "at least one of the fields image, line, title. Received titel, picture",
        ),
        ({}, "at least one of the fields image, line, title. Received none"),
    ],
)
def test_values_of_another_kind(record, said, lite, saved):
    reasons = set()
    for model in (lite, saved):
        with pytest.raises(mk.DataError, match=r"<memory>, row 2") as caught:
            model.predict([{"title": "right"}, record])
        assert said in str(caught.value)
        reasons.add(str(caught.value))
        assert "error" in model.predict([record], on_error="skip")[0]
    assert len(reasons) == 1


def test_missing_is_missing_however_it_is_said(lite, saved, rows):
    path = rows[0]["image"]
    ways = [{}, {"title": ""}, {"title": None}, {"title": float("nan")}, {"title": b"", "line": ""}, {"unknown": 1}]
    found = lite.predict([{"image": path, **way} for way in ways])
    assert_same(found, saved.predict([{"image": path}]) * len(ways))
    assert_same(lite.predict([{"title": "x", "image": b""}]), saved.predict([{"title": "x"}]))
    assert_same(lite.predict([{"title": None}]), saved.predict([{"image": None}]))
    assert lite.predict([{"title": "x"}]) != lite.predict([{"title": None}])


def test_threads_take_turns(lite, rows):
    expected = lite.predict(rows)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: lite.predict(rows, batch_size=3), range(48)))
    assert all(answers == expected for answers in found)


def test_more_threads_inside_give_the_same(file, lite, rows):
    with mk.runtime.load(file, threads=2) as model:
        assert_same(model.predict(rows), lite.predict(rows))
    with pytest.raises(ValueError, match=r"A closed model answers no more. Received a call after close"):
        model.predict(rows)
    model.close()


def test_arguments(file, exported, lite, rows, tmp_path):
    with pytest.raises(ValueError, match=r"threads is 1 or more. Received 0"):
        mk.runtime.load(file, threads=0)
    with pytest.raises(ValueError, match=r"threads are for a TFLite file. Received 2"):
        mk.runtime.load(exported, threads=2)
    with pytest.raises(ValueError, match=r"on_error is one of raise, skip. Received 'ignore'"):
        lite.predict(rows, on_error="ignore")
    with pytest.raises(ValueError, match=r"batch_size is 1 or more. Received 0"):
        lite.predict(rows, batch_size=0)
    with pytest.raises(
        TypeError, match=r"Records are a path, or dicts of field to value. Received one dict. Pass a list"
    ):
        lite.predict(rows[0])
    with pytest.raises(TypeError, match=r"Received str as number 2"):
        lite.predict([rows[0], "title"])
    with pytest.raises(mk.DataError, match=r"There is no such file. Received '.*nowhere\.csv'"):
        lite.predict(tmp_path / "nowhere.csv")
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"A file of records is \.csv, \.tsv, \.jsonl"):
        lite.predict(tmp_path / "rows.parquet")
    assert lite.predict([]) == []
