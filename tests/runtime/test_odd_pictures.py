"""Hundreds of odd files: what one side accepts or refuses, the other does too, and the pixels are equal to the bit."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import odd_pictures as odd
import pytest
import tensorflow as tf
from PIL import Image

import multimodal_keras as mk
from multimodal_keras.modalities import image_graph
from multimodal_keras.runtime.image import MAX_PIXELS, decode_picture

SIZE = (16, 12)
REASONS: set[str] = set()
WEBP = odd.WEBP and image_graph.HAS_WEBP
# The share of damage that only one side notices, at most; docs/decoding.md names it.
ONE_SIDED = {"gif": 0.02, "jpeg": 0.005}


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def graph(data):
    return image_graph.decode_picture(data, SIZE, "stretch", MAX_PIXELS)


def with_tensorflow(data):
    try:
        return graph(tf.constant(data)).numpy()
    except tf.errors.InvalidArgumentError:
        return None


def without_tensorflow(data):
    try:
        return decode_picture(data, SIZE)
    except ValueError as error:
        REASONS.add(str(error))
        return None


def kept(files):
    return [(name, data) for name, data in files if WEBP or not data.startswith(b"RIFF")]


@pytest.fixture(scope="module")
def paths():
    """Drawings of every subject."""
    records = mk.data.clipart()
    return [Path(records.folder, record["image"]) for record in records][::60]


@pytest.fixture(scope="module")
def rgb(paths):
    return Image.open(paths[0]).convert("RGB").resize((61, 40))


@pytest.fixture(scope="module")
def right(rgb):
    files = [*odd.right_pngs(), *odd.right_pngs(40, 61), *odd.right_bmps(), *odd.right_jpegs(rgb), *odd.right_gifs(rgb)]
    return kept([*files, *(odd.right_webps(rgb) if odd.WEBP else [])])


def test_drawings_in_every_form(paths):
    count = 0
    for path in paths:
        for name, data in kept(odd.rewritten(path)):
            np.testing.assert_array_equal(decode_picture(data, SIZE), with_tensorflow(data), err_msg=f"{name} {path}")
            count += 1
    assert count > 600


@pytest.mark.oldest
def test_rare_files_that_are_right(right):
    for name, data in right:
        np.testing.assert_array_equal(decode_picture(data, SIZE), with_tensorflow(data), err_msg=name)
    assert len(right) > 200


@pytest.mark.oldest
def test_files_that_are_wrong(rgb):
    wrong = [*odd.wrong_pngs(), *odd.wrong_bmps(), *odd.wrong_jpegs(rgb)]
    wrong += kept(odd.wrong_webps(rgb) if odd.WEBP else [])
    for name, data in wrong:
        assert without_tensorflow(data) is None, name
        assert with_tensorflow(data) is None, name


def test_damaged_files(paths, right, rgb):
    """Four thousand accidents, to the files above and to real drawings."""
    dice = random.Random(7)
    files = [*right, *(pair for path in paths[:10] for pair in kept(odd.rewritten(path)))]
    one_sided, count = Counter(), Counter()
    for name, data in files:
        kind = name.split()[0]
        for _ in range(10):
            wrong = odd.damaged(data, dice)
            ours, theirs = without_tensorflow(wrong), with_tensorflow(wrong)
            count[kind] += 1
            if ours is None or theirs is None:
                one_sided[kind] += (ours is None) != (theirs is None)
            elif "progressive" not in name:
                np.testing.assert_array_equal(ours, theirs, err_msg=name)
            else:
                assert np.abs(ours.astype(int) - theirs).max() < 16, name
    assert all(reason.count("Received") == 1 for reason in REASONS)
    assert count.total() > 4000
    for kind, number in one_sided.items():
        assert number <= ONE_SIDED.get(kind, 0) * count[kind], (one_sided, count)
