"""A folder for each class, of arrays, sounds, videos, and folders of frames."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import multimodal_keras as mk


@pytest.mark.parametrize("suffix", [".npy", ".wav", ".mp4"])
def test_files_of_any_kind_are_named_by_their_path(tmp_path, suffix):
    for label in ("down", "up"):
        (tmp_path / label).mkdir()
        for number in range(2):
            (tmp_path / label / f"{number}{suffix}").write_bytes(b"content")
    records = list(mk.data.read(tmp_path, file_field="field"))
    assert [record["field"] for record in records] == [
        f"{label}/{n}{suffix}" for label in ("down", "up") for n in (0, 1)
    ]
    assert [record["label"] for record in records] == ["down", "down", "up", "up"]


def test_arrays_in_class_folders_are_read(tmp_path):
    for label, level in (("down", -1.0), ("up", 1.0)):
        (tmp_path / label).mkdir()
        for number in range(2):
            np.save(tmp_path / label / f"{number}.npy", np.full((4, 2), level + number))
    records = mk.data.read(tmp_path, file_field="imu")
    modality = mk.TimeSeriesModality(4, 2, mean=0.0, deviation=1.0)
    raw = next(mk.data.raw_batches(records, {"imu": modality}, 4)).raw["imu"]
    assert raw[:, 0, 0].tolist() == [-1, 0, 1, 2]


def test_a_folder_of_frames_is_one_record(tmp_path):
    for label in ("fall", "rise"):
        for clip in ("a", "b"):
            folder = tmp_path / label / clip
            folder.mkdir(parents=True)
            for number in range(3):
                Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    (tmp_path / "rise" / ".hidden").mkdir()
    records = mk.data.read(tmp_path, file_field="clip")
    assert [record["clip"] for record in records] == ["fall/a", "fall/b", "rise/a", "rise/b"]
    assert records.fields == ["clip", "label"]
    raw = next(mk.data.raw_batches(records, {"clip": mk.VideoModality(3, (8, 8))}, 4)).raw["clip"]
    assert raw.shape == (4, 3)


def test_folders_beside_texts_and_files(tmp_path):
    (tmp_path / "rise" / "a").mkdir(parents=True)
    (tmp_path / "rise" / "a.txt").write_text("a bird", encoding="utf-8")
    (tmp_path / "rise" / "b.gif").write_bytes(b"GIF89a")
    rows = [(record["text"], record["clip"]) for record in mk.data.read(tmp_path, file_field="clip")]
    assert rows == [("a bird", "rise/a"), (None, "rise/b.gif")]
