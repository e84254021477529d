"""What became of the promises of a calibrated model, counted by hand."""

from __future__ import annotations

import keras  # noqa: F401 (first, so that the components are registered)
import numpy as np
import pytest
from scipy.stats import binom

import multimodal_keras as mk
from multimodal_keras.base import Parts
from multimodal_keras.base.calibration import LabelCalibration, ValueCalibration
from multimodal_keras.calibrating.conformal import coverage_interval
from multimodal_keras.evaluation.answers import Answers, Collected
from multimodal_keras.evaluation.calibration import adaptive_calibration_error, share_interval
from multimodal_keras.evaluation.promises import covered_by_set, promise_rows, unusual_shares
from multimodal_keras.evaluation.subsets import subsets_of
from multimodal_keras.evaluation.table import promise_lines

OPTIONS = {"coverage": 0.75, "by_class": False, "sets": "lac"}
TRUTH = np.array([0, 1, 1, 0])
SETS = np.array([[1, 0], [1, 0], [1, 1], [0, 0]], bool)
PREDICTED = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.5, 0.5]])


def collected():
    by_subset = {"image": PREDICTED, "title": PREDICTED, "image+title": PREDICTED}
    beside = {
        "set": dict.fromkeys(by_subset, SETS),
        "accepted": dict.fromkeys(by_subset, np.array([True, True, False, False])),
    }
    intervals = dict.fromkeys(by_subset, np.array([[0.0, 2.0], [0.0, 2.0], [0.0, 2.0], [0.0, 2.0]]))
    value = np.array([[1.0], [2.0], [3.0], [1.0]])
    answers = {
        "subject": Answers(TRUTH, np.ones(4), by_subset, "image+title", beside),
        "price": Answers(value, np.array([1, 1, 1, 0]), by_subset, "image+title", {"interval": intervals}),
    }
    present = {"image": np.array([True, True, True, False]), "title": np.ones(4, bool)}
    unusual = {"image+title": np.array([-1.0, 0.0, 0.5, -2.0])}
    return Collected(answers, present, {}, 4, unusual)


def found():
    fields = {name: mk.TextModality(vocabulary=["a"], optional=True) for name in ("image", "title")}
    numbers = {"slope": [[1.0]] * 4, "offset": [[0.0]] * 4, "limit": [[1.0, 1.0]] * 4, "threshold": [[0.5, 0.5]] * 4}
    calibrations = {
        "price": ValueCalibration(options=OPTIONS, numbers={"half_width": [[1.0]] * 4}, records=[9, 9, 9, 9]),
        "subject": LabelCalibration(options=OPTIONS, numbers=numbers, records=[9, 0, 9, 9]),
    }
    return Parts(fields, {}, None, {}, calibrations)


def test_rows_by_hand():
    rows = promise_rows(found(), collected(), subsets_of(["image", "title"], ["image", "title"]))
    every = rows["subject"]["title"]
    assert every["records"] == 4
    assert every["coverage"] == 0.5  # the first and the third set hold the truth
    assert every["size"] == 1.0  # 1, 1, 2 and 0 labels
    assert every["empty"] == 0.25
    assert (every["accepted"], every["right"]) == (0.5, 0.5)
    assert every["promised"] == 0.75
    # The last record has no image: it does not count where one is promised.
    assert rows["subject"]["image+title"]["records"] == 3
    # Nothing was promised where too few records were there to calibrate on.
    assert rows["subject"]["image"]["promised"] is None
    assert rows["price"]["title"]["records"] == 3  # labelled ones
    assert rows["price"]["title"]["coverage"] == pytest.approx(2 / 3)
    assert rows["price"]["title"]["size"] == 2.0
    assert unusual_shares(collected()) == {"image+title": 0.25}


def test_the_table_says_what_is_outside():
    rows = promise_rows(found(), collected(), subsets_of(["image", "title"], ["image", "title"]))["subject"]
    rows = {name: row | ({"kept": False} if name == "title" else {}) for name, row in rows.items()}
    heads, lines = promise_lines(rows, {})
    assert heads == [
        "modalities",
        "promised",
        "coverage",
        "expected",
        "mean size",
        "empty",
        "accepted",
        "of these right",
        "records",
    ]
    cells = {line[0][0]: line[0] for line in lines}
    assert cells["title"][1:3] == ["0.750", "0.500 (outside)"]
    assert cells["image"][1:4] == ["–", "0.667", "–"]
    assert list(cells) == ["image", "title", "image + title"]


def test_all_right_labels_have_to_be_in_the_set():
    chosen = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    truth = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    assert covered_by_set(chosen, truth).tolist() == [True, False, True]


def test_the_expected_interval_is_binomial_with_very_many_calibration_records():
    low, high = coverage_interval(0.9, 10_000_000, 500)
    np.testing.assert_allclose([low * 500, high * 500], binom.ppf([0.025, 0.975], 500, 0.9), atol=1)
    few = coverage_interval(0.9, 100, 500)
    assert few[0] < low < 0.9 < high < few[1]


def test_adaptive_bins_and_exact_intervals():
    random = np.random.default_rng(0)
    chances = random.random(3000)
    assert adaptive_calibration_error(chances, random.random(3000) < chances) < 0.04
    assert adaptive_calibration_error(np.array([1.0, 1.0]), np.array([True, False])) == 0.5
    low, high = share_interval(np.array([0, 5, 10]), np.array([10, 10, 10]))
    np.testing.assert_allclose(low, [0.0, 0.1871, 0.6915], atol=1e-4)  # Clopper and Pearson's own table
    np.testing.assert_allclose(high, [0.3085, 0.8129, 1.0], atol=1e-4)
