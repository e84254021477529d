"""The bundled clip-art records are complete, small, free and split without leaks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import multimodal_keras

FOLDER = Path(multimodal_keras.__file__).parent / "data" / "clipart"
COLUMNS = ["image", "title", "description", "subject", "split", "colourful", "group"]


@pytest.fixture(scope="module")
def records() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "records.csv", encoding="utf-8", keep_default_na=False)


@pytest.fixture(scope="module")
def provenance() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "provenance.csv", encoding="utf-8", keep_default_na=False)


def test_columns_hold_no_keywords(records: pd.DataFrame) -> None:
    assert list(records.columns) == COLUMNS
    assert records["title"].str.strip().ne("").all()
    assert np.isfinite(records["colourful"]).all()


def test_every_picture_is_listed_once_and_opens(records: pd.DataFrame) -> None:
    files = sorted(path.relative_to(FOLDER).as_posix() for path in (FOLDER / "images").rglob("*") if path.is_file())
    assert sorted(records["image"]) == files
    for name in files:
        assert name.isascii()
        with Image.open(FOLDER / name) as picture:
            picture.load()
            assert (picture.size, picture.format) == ((96, 96), "PNG"), name


def test_no_two_pictures_are_the_same_bytes(records: pd.DataFrame) -> None:
    contents = [(FOLDER / name).read_bytes() for name in records["image"]]
    assert len(set(contents)) == len(contents)


def test_no_group_crosses_a_split(records: pd.DataFrame) -> None:
    assert records.groupby("group")["split"].nunique().max() == 1


def test_the_same_title_is_in_one_group(records: pd.DataFrame) -> None:
    titles = records["title"].str.casefold()
    assert records.groupby(titles)["group"].nunique().max() == 1


def test_subjects_are_neither_rare_nor_dominant(records: pd.DataFrame) -> None:
    sizes = Counter(records["subject"])
    assert len(sizes) >= 10
    assert min(sizes.values()) >= 40
    assert max(sizes.values()) <= 300
    assert (records["image"].str.split("/").str[1] == records["subject"]).all()


def test_splits_are_near_their_shares_in_every_subject(records: pd.DataFrame) -> None:
    shares = {"train": 0.7, "valid": 0.1, "test": 0.2}
    assert set(records["split"]) == set(shares)
    for split, share in shares.items():
        chosen = records["split"] == split
        assert chosen.mean() == pytest.approx(share, abs=0.02)
        assert np.allclose(chosen.groupby(records["subject"]).mean(), share, atol=0.1)


def test_the_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 6_000_000


def test_every_record_is_marked_public_domain(records: pd.DataFrame, provenance: pd.DataFrame) -> None:
    assert list(provenance["image"]) == list(records["image"])
    assert provenance["licence"].str.lower().str.contains("publicdomain").all()
    assert provenance["source"].is_unique
    assert (FOLDER / "LICENSE.md").is_file()


def test_colourful_is_computed_from_the_stored_picture(records: pd.DataFrame) -> None:
    for row in records.iloc[::50].itertuples():
        with Image.open(FOLDER / row.image) as picture:
            red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), float), -1, 0)
        first, second = red - green, 0.5 * (red + green) - blue
        spread = np.sqrt(first.var() + second.var())
        centre = np.sqrt(first.mean() ** 2 + second.mean() ** 2)
        assert row.colourful == pytest.approx((spread + 0.3 * centre) / 100, abs=1e-4), row.image
