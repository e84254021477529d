"""A killed training goes on as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import training_runs

import multimodal_keras as mk

SAME = {"rtol": 1e-6, "atol": 1e-7}


def killed(folder):
    """A training in another process, ended by SIGKILL in its second epoch."""
    done = subprocess.run(
        [sys.executable, training_runs.__file__, str(folder)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def assert_same_run(one, other):
    assert one.history.keys() == other.history.keys()
    for name, values in one.history.items():
        np.testing.assert_allclose(values, other.history[name], err_msg=name, **SAME)
    assert one.best_epoch == other.best_epoch
    for ours, theirs in zip(one.model.weights, other.model.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, err_msg=ours.path, **SAME)


@pytest.mark.slow
def test_a_killed_training_ends_where_an_uninterrupted_one_does(tmp_path):
    killed(tmp_path / "killed")
    with np.load(tmp_path / "killed" / "checkpoint" / "state.npz") as state:
        assert len(json.loads(str(state["facts"]))["history"]["loss"]) == 1
    assert not (tmp_path / "killed" / "model.keras").exists()
    resumed = training_runs.train(tmp_path / "killed")
    whole = training_runs.train(tmp_path / "whole")
    assert len(whole.history["loss"]) == 3
    assert_same_run(resumed, whole)
    one, other = (json.loads(Path(tmp_path, name, "run.json").read_text()) for name in ("killed", "whole"))
    assert one == other


@pytest.fixture(scope="module")
def records():
    return training_runs.real_records()


def fit(model, records, folder, **options):
    return mk.fit(model, records, output=folder, **{**training_runs.OPTIONS, "epochs": 1, **options})


def plain(records):
    return training_runs.small_model(records)


def test_a_finished_run_is_not_trained_again_and_may_go_on(records, tmp_path):
    constant = {"schedule": "constant", "warmup_steps": 0}
    first = fit(plain(records), records, tmp_path, epochs=2, **constant)
    again = fit(plain(records), records, tmp_path, epochs=2, **constant)
    assert_same_run(first, again)
    longer = fit(plain(records), records, tmp_path, epochs=3, **constant)
    assert len(longer.history["loss"]) == 3
    assert longer.history["loss"][:2] == first.history["loss"]
    assert_same_run(longer, fit(plain(records), records, tmp_path / "whole", epochs=3, **constant))


def test_another_run_in_the_folder_is_refused(records, tmp_path):
    fit(plain(records), records, tmp_path)
    message = r"A run folder goes on with the run that it began with. Received .* pass resume=False"
    with pytest.raises(ValueError, match=message):
        fit(plain(records), records, tmp_path, learning_rate=0.5)
    with pytest.raises(ValueError, match=message):
        fit(plain(records), records.take(30), tmp_path)
    other = training_runs.small_model(records, subject=mk.ClassificationHead())
    with pytest.raises(ValueError, match=message):
        fit(other, records, tmp_path)


def test_starting_over(records, tmp_path):
    fit(plain(records), records, tmp_path, epochs=2)
    over = fit(plain(records), records, tmp_path, resume=False, learning_rate=1e-2)
    assert len(over.history["loss"]) == 1
    assert_same_run(over, fit(plain(records), records, tmp_path / "fresh", learning_rate=1e-2))
