"""What starting costs, and how mistakes are answered before anything is loaded."""

import configparser
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from multimodal_keras.cli import main
from multimodal_keras.cli.main import parser

COMMANDS = (
    "train", "compare", "evaluate", "robustness", "export", "predict", "explain", "serve", "tune-serving", "key", "bundle",
    "inspect", "contract", "demo", "doctor",
)  # fmt: skip
HELP = """
import sys
from multimodal_keras.cli import main
for arguments in (["--help"], ["--version"], *([command, "--help"] for command in sys.argv[1:])):
    try:
        main(arguments)
    except SystemExit as end:
        assert end.code == 0, end.code
print([name for name in ("tensorflow", "keras", "pandas") if name in sys.modules])
"""


@pytest.mark.oldest
def test_help_of_every_command_loads_neither_tensorflow_nor_keras():
    done = subprocess.run(
        [sys.executable, "-c", HELP, *COMMANDS], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(command in done.stdout for command in COMMANDS)


def test_the_module_can_be_run():
    command = [sys.executable, "-m", "multimodal_keras", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("multimodal-keras ")


def test_every_command_is_tested_for_help():
    for command in COMMANDS:
        with pytest.raises(SystemExit) as end:
            parser().parse_args([command, "--help"])
        assert end.value.code == 0


@pytest.mark.parametrize("arguments", [[], ["fly"], ["train", "--epochs", "many"], ["predict", "runs/none"]])
def test_a_wrong_argument_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inspect", "nowhere"], "Received 'nowhere': none."),
        (["evaluate", "nowhere"], "Received 'nowhere', which does not"),
        (["export", "nowhere", "--output", "x"], "'nowhere'"),
        (["predict", "nowhere", "--data", "rows.csv"], "'nowhere', which is not there"),
        (["train", "nowhere.yaml"], "'nowhere.yaml', which cannot be read"),
        (["train"], "A run names data, modalities, heads, output"),
        (["train", "--optional", "title"], "--optional names fields of --text, --image"),
        (
            ["train", "--text", "title", "--optional", "titel"],
            "that other flags name: title. Received titel. Rename it",
        ),
        (["explain", "nowhere", "--data", "x", "--steps", "5"], "Received 5 alone. Add --inside"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_a_users_mistake_is_one_line_and_2(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"multimodal-keras {arguments[0]}: ")
    assert said in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "run.yaml"], "interrupted; the same command goes on from here"),
        (["compare", "--restart"], "interrupted; the same command without --restart goes on from here"),
        (["predict", "m", "--data", "d", "--output", "o.csv"], "interrupted; the same command goes on from here"),
        (["predict", "m", "--data", "d"], "interrupted"),
        (["explain", "m", "--data", "d", "--inside", "--output", "o"], "interrupted"),
        (["robustness", "m", "--output", "o"], "interrupted"),
    ],
)
def test_an_interrupted_command_says_whether_it_goes_on(arguments, said, capsys, monkeypatch):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", lambda name: SimpleNamespace(run=interrupted))
    assert main(arguments) == 130
    assert capsys.readouterr().err == f"multimodal-keras {arguments[0]}: {said}\n"


def test_the_traceback_is_there_for_those_who_ask(monkeypatch):
    monkeypatch.setenv("MULTIMODAL_KERAS_TRACEBACK", "1")
    with pytest.raises(ValueError, match="to inspect"):
        main(["inspect", "nowhere"])


def test_doctor_names_versions_and_extras(capsys):
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("tensorflow", "ai-edge-litert", "[serve]", "[plot]", "[io]"))


def test_doctor_as_json(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["base"]["keras"].startswith("3.")
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    assert set(found["extras"]) == set(setup["options.extras_require"]) - {"test"}


def test_doctor_says_what_a_missing_extra_would_give(capsys, monkeypatch):
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "flask" else there(name))
    assert main(["doctor"]) == 0
    assert "answer over HTTP; not installed: pip install 'multimodal-keras[serve]'" in capsys.readouterr().out
