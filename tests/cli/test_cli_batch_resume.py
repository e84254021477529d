"""`predict --output` after it was killed, or ended by a bad row: the same command goes on, another one is refused."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys

import pytest
from batch_files import MANY, SUFFIXES, WAIT_SECONDS, beside, predict, read_back

from multimodal_keras.cli import main
from multimodal_keras.cli.batch import Unfinished

# One process makes the model.
KILLED = """
import os, signal, sys
left = int(sys.argv[1])

def kill(event, arguments):
    global left
    left -= event in ("os.rename", "os.remove") and ".partial" in os.fsdecode(arguments[0])
    if left == 0:
        left = -1  # To kill is an event too.
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
from multimodal_keras.cli import main
sys.exit(main(sys.argv[2:]))
"""


def killed(command, change):
    """Run it, and kill it before it renames or removes its file number `change`; whether it came that far."""
    program = [sys.executable, "-c", KILLED, str(change), *command]
    done = subprocess.run(program, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize(
    ("way", "suffix"), [*(("model.tflite", suffix) for suffix in SUFFIXES), pytest.param(".", "csv", id="SavedModel")]
)
def test_a_killed_process_is_gone_on_with(way, suffix, batch_export, many, tmp_path, capsys):
    output, whole = tmp_path / f"killed.{suffix}", tmp_path / f"whole.{suffix}"
    assert main(predict(batch_export / way, many, whole)) == 0
    command = predict(batch_export / way, many, output)
    assert killed(command, 101)
    assert beside(output) == [".partial", ".partial.json", ".partial.tmp", ".skipped.jsonl.partial"]
    assert not output.exists()
    # The header and 99 batches were noted; of the next one there are only the lines.
    with output.with_name(f"{output.name}.partial").open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        assert size > json.loads(output.with_name(f"{output.name}.partial.json").read_text())["bytes"][0]
        file.truncate(size - 30)
    capsys.readouterr()
    assert main(command) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"going on after {99 * 64} records of {output}.partial",
        f"{MANY} records answered, 0 skipped; {output}",
    ]
    assert output.read_bytes() == whole.read_bytes()
    assert beside(output) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_it_may_be_killed_at_any_moment(suffix, batch_model, broken, tmp_path):
    """A process that is killed again and again, at each change of a file in turn, ends with the same files."""
    whole = tmp_path / f"whole.{suffix}"
    assert main(predict(batch_model, broken, whole, "--on-error", "skip")) == 0
    for change in itertools.count(1):
        output = tmp_path / str(change) / f"killed.{suffix}"
        command = predict(batch_model, broken, output, "--on-error", "skip")
        came_so_far = killed(command, change)
        assert main(command) == 0
        assert output.read_bytes() == whole.read_bytes()
        assert beside(output) == [".skipped.jsonl"]
        lists = [path.with_name(f"{path.name}.skipped.jsonl").read_bytes() for path in (output, whole)]
        assert lists[0] == lists[1]
        if not came_so_far:
            break
    # The notes of the header and of three batches, two files put in their place, and the note removed.
    assert change > 7


@pytest.fixture
def half(batch_model, broken, tmp_path, capsys):
    """An output of which the first batch of 64 is there, and the next one has a bad row."""
    output = tmp_path / "half.csv"
    assert main(predict(batch_model, broken, output)) == 2
    assert "broken.csv, row 70, field 'title': A required field has a value" in capsys.readouterr().err
    assert beside(output) == [".partial", ".partial.json", ".skipped.jsonl.partial"]
    return output


def test_a_bad_row_ends_it_after_the_batches_before(half):
    assert not half.exists()
    assert len(half.with_name("half.csv.partial").read_text().splitlines()) == 1 + 64


def test_after_a_bad_row_it_goes_on_by_skipping(half, batch_model, broken, tmp_path, capsys):
    assert main(predict(batch_model, broken, half, "--on-error", "skip")) == 0
    assert "going on after 64 records" in capsys.readouterr().err
    whole = tmp_path / "whole.csv"
    assert main(predict(batch_model, broken, whole, "--on-error", "skip")) == 0
    assert half.read_bytes() == whole.read_bytes()
    assert beside(half) == beside(whole) == [".skipped.jsonl"]
    lists = [path.with_name(f"{path.name}.skipped.jsonl").read_bytes() for path in (half, whole)]
    assert lists[0] == lists[1]


def test_the_list_of_an_earlier_output_does_not_stay(half, batch_model, few, broken):
    assert main(predict(batch_model, broken, half, "--on-error", "skip")) == 0
    assert main(predict(batch_model, few, half)) == 0
    assert beside(half) == []


def test_skipped_rows_before_are_not_forgotten(half, batch_model, broken, capsys):
    state = half.with_name("half.csv.partial.json")
    content = json.loads(state.read_text())
    listed = half.with_name("half.csv.skipped.jsonl.partial")
    listed.write_text("{}\n")
    state.write_text(json.dumps({**content, "skipped": 1, "bytes": [content["bytes"][0], 3]}))
    assert main(predict(batch_model, broken, half)) == 2
    assert "goes on with --on-error skip. Received raise" in capsys.readouterr().err


def test_another_model_other_data_or_other_options_are_refused(
    half, batch_model, batch_export, few, broken, tmp_path, capsys
):
    skip = ("--on-error", "skip")
    for what, command in {
        "model": predict(batch_export, broken, half, *skip),
        "data": predict(batch_model, few, half),
        "batch size": predict(batch_model, broken, half, *skip, "--batch-size", "32"),
        "probabilities": predict(batch_model, broken, half, *skip, "--probabilities"),
    }.items():
        capsys.readouterr()
        assert main(command) == 2
        error = capsys.readouterr().err
        assert f"Received another {what} than" in error
        assert "--restart" in error
    broken.write_text(broken.read_text(encoding="utf-8").replace(",surplus", ""), encoding="utf-8")
    assert main(predict(batch_model, broken, half, *skip)) == 2
    assert main(predict(batch_model, few, half, "--restart")) == 0
    assert main(predict(batch_model, few, tmp_path / "whole.csv")) == 0
    assert half.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert beside(half) == []


def test_what_is_shorter_than_its_note_is_made_again(half, batch_model, broken, tmp_path, capsys):
    half.with_name("half.csv.partial").write_bytes(b"row")
    assert main(predict(batch_model, broken, half, "--on-error", "skip")) == 0
    assert "half.csv.partial is not whole: starting over" in capsys.readouterr().err
    assert [row["row"] for row in read_back(half)] == list(range(1, 151))


def test_two_processes_do_not_write_one_output(batch_model, few, tmp_path, capsys):
    output = tmp_path / "answers.csv"
    with Unfinished(output, {}, restart=False):
        for more in ([], ["--restart"]):
            assert main(predict(batch_model, few, output, *more)) == 2
            assert "which another one is writing" in capsys.readouterr().err
    assert main(predict(batch_model, few, output)) == 0
