"""Every example in a docstring runs, in every module."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import multimodal_keras

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(multimodal_keras.__path__, "multimodal_keras.")
    if not module.name.endswith("__main__")
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner(optionflags=FLAGS)
    for test in finder.find(module, name):
        runner.run(test)
    assert runner.failures == 0, f"{runner.failures} of {runner.tries} examples failed; see the captured output"
    assert module.__doc__, "a module says what it is for"
