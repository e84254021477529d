"""What `import multimodal_keras` gives, and what it costs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import multimodal_keras as mk

ROOT = Path(__file__).parents[1]


def run(code, *arguments):
    """The output of a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.oldest
def test_importing_loads_neither_tensorflow_nor_keras():
    code = (
        "import sys, multimodal_keras as mk; dir(mk); print([n for n in ('tensorflow', 'keras') if n in sys.modules])"
    )
    assert run(code) == ["[]"]


@pytest.mark.parametrize("name", mk.__all__)
def test_every_name_resolves(name):
    assert getattr(mk, name) is not None
    assert name in dir(mk)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"has no attribute 'build_modle'"):
        mk.build_modle  # noqa: B018


def test_submodules_are_not_hidden_by_functions():
    from multimodal_keras import evaluation, exporting, training

    assert callable(mk.fit)
    assert callable(mk.evaluate)
    assert callable(mk.export)
    assert (training.fit, evaluation.evaluate, exporting.export) == (mk.fit, mk.evaluate, mk.export)


LOAD = """
import sys
{imports}
import numpy as np
model = keras.saving.load_model(sys.argv[1])
inputs = {{"text": np.array([[2, 3, 0]], "int32"), "text_present": np.array([True])}}
print(float(model(inputs)["task"][0, 0]))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model = mk.build_model(
        {"text": mk.TextModality(3, vocabulary=["red", "cat"], optional=True)},
        {"task": mk.ClassificationHead(labels=["a", "b"])},
        encoders={"text": mk.LSTMEncoder(4, embedding_width=3)},
    )
    path = tmp_path_factory.mktemp("face") / "model.keras"
    model.save(path)
    inputs = {"text": np.array([[2, 3, 0]], "int32"), "text_present": np.array([True])}
    return path, float(model(inputs)["task"][0, 0])


@pytest.mark.parametrize(
    "imports",
    ["import multimodal_keras, keras", "import keras, multimodal_keras", "import multimodal_keras.base, keras"],
    ids=["before", "after", "by a module of ours"],
)
def test_a_model_loads_whether_keras_comes_first_or_not(imports, saved):
    path, expected = saved
    assert float(run(LOAD.format(imports=imports), path)[0]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.skipif(importlib.util.find_spec("importlinter") is None, reason="import-linter is not installed")
def test_imports_go_down_only():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as main; main()",
            "--config",
            "setup.cfg",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
