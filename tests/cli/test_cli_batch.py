"""`predict --output`: three formats, flat memory, and records that cannot be used."""

from __future__ import annotations

import itertools
import json
import os
import pty
import subprocess
import sys

import pyarrow.parquet
import pytest
from batch_files import MANY, SUFFIXES, WAIT_SECONDS, as_row, beside, predict, read_back, written

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.cli.batch.meter import line

# One process makes the model.
MEASURED = """
import re, sys
from pathlib import Path
from multimodal_keras.cli import main
code = main(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print([name for name in ("tensorflow", "keras") if name in sys.modules])
sys.exit(code)
"""
ALONE = """
import sys
sys.modules["pyarrow"] = None
from multimodal_keras.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("way", ["model.tflite", "."])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("flags", [[], ["--probabilities"]], ids=["labels", "probabilities"])
def test_a_table_holds_what_predict_says(way, suffix, flags, batch_export, few, tmp_path, capsys):
    output = tmp_path / "new" / f"answers.{suffix}"
    assert main(predict(batch_export / way, few, output, *flags)) == 0
    assert capsys.readouterr().err == f"150 records answered, 0 skipped; {output}\n"
    expected = mk.predict(batch_export / way, few)
    assert read_back(output) == [as_row(number, answer, bool(flags)) for number, answer in enumerate(expected, 1)]
    assert beside(output) == []


def test_json_lines_hold_what_predict_says(batch_model, few, tmp_path, capsys):
    output = tmp_path / "answers.jsonl"
    assert main(predict(batch_model, few, output)) == 0
    expected = [{"row": number, **answer} for number, answer in enumerate(mk.predict(batch_model, few), 1)]
    assert list(map(json.loads, output.read_text(encoding="utf-8").splitlines())) == expected
    capsys.readouterr()
    assert main(["predict", batch_model, "--data", str(few)]) == 0
    assert capsys.readouterr().out == output.read_text(encoding="utf-8")


def test_a_parquet_file_has_its_schema_and_row_groups(batch_model, few, many, tmp_path):
    outputs = [tmp_path / "few.parquet", tmp_path / "many.parquet"]
    for data, output in zip((few, many), outputs, strict=True):
        assert main(predict(batch_model, data, output, "--probabilities")) == 0
    files = [pyarrow.parquet.ParquetFile(output) for output in outputs]
    assert files[0].schema_arrow == files[1].schema_arrow
    assert [str(files[0].schema_arrow.field(name).type) for name in ("row", "subject", "colourful")] == [
        "int64",
        "string",
        "float",
    ]
    assert files[1].metadata.num_rows == MANY
    assert files[1].metadata.num_row_groups > 1
    assert [record["row"] for record in mk.data.read(outputs[1])] == list(range(1, MANY + 1))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_skipped_rows_keep_their_place_and_are_listed(suffix, batch_model, broken, tmp_path, capsys):
    output = tmp_path / f"answers.{suffix}"
    assert main(predict(batch_model, broken, output, "--on-error", "skip")) == 0
    assert "148 records answered, 2 skipped" in capsys.readouterr().err
    expected = mk.predict(batch_model, broken, on_error="skip")
    if suffix == "jsonl":
        found = list(map(json.loads, output.read_text(encoding="utf-8").splitlines()))
        assert found == [{"row": number, **answer} for number, answer in enumerate(expected, 1)]
    else:
        found = read_back(output)
        assert found[68] == as_row(69, expected[68], probabilities=False)
        assert found[71] == as_row(72, expected[71], probabilities=False)
    assert [row["row"] for row in found] == list(range(1, 151))
    for row in (70, 71):
        cells = {name: cell for name, cell in found[row - 1].items() if cell is not None}
        assert cells == {"row": row, "error": expected[row - 1]["error"]}
    listed = (tmp_path / f"answers.{suffix}.skipped.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(map(json.loads, listed)) == [
        {"file": str(broken), "row": row, "field": field, "reason": expected[row - 1]["error"]}
        for row, field in ((70, "title"), (71, None))
    ]
    assert beside(output) == [".skipped.jsonl"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow_with_the_rows(suffix, batch_model, titles, tmp_path):
    """Every third row is skipped, and every text has a length of its own."""
    peaks = []
    for count in (2_000, 20_000):
        some = (title if row % 3 else "" for row, title in enumerate(itertools.cycle(titles)))
        data = written(tmp_path / f"rows{count}.csv", itertools.islice(some, count))
        command = predict(batch_model, data, tmp_path / f"{count}.{suffix}", "--on-error", "skip", "--probabilities")
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, timeout=WAIT_SECONDS, check=True
        )
        peak, loaded = done.stdout.splitlines()
        assert loaded == "[]"
        peaks.append(int(peak) / 1024)
    assert peaks[1] - peaks[0] < GROWTH_MEGABYTES[suffix], peaks


# Of Parquet one row group is in memory, and 2,000 rows do not fill one.
GROWTH_MEGABYTES = {"jsonl": 4, "csv": 4, "parquet": 32}


def test_no_records_are_a_file_without_rows(batch_model, tmp_path):
    data = written(tmp_path / "rows.csv", [])
    for suffix in SUFFIXES:
        assert main(predict(batch_model, data, tmp_path / f"none.{suffix}")) == 0
    assert (tmp_path / "none.jsonl").read_text() == ""
    header = "row,colourful,subject,subject_probability,tags,error"
    assert (tmp_path / "none.csv").read_text() == f"{header}\n"
    assert pyarrow.parquet.read_table(tmp_path / "none.parquet").column_names == header.split(",")


def test_parquet_without_pyarrow(batch_model, few, tmp_path):
    for suffix, code in (("parquet", 2), ("csv", 0)):
        command = [sys.executable, "-c", ALONE, *predict(batch_model, few, tmp_path / f"answers.{suffix}")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
        assert done.returncode == code, done.stderr
        assert ("A .parquet file is written by pyarrow" in done.stderr) == (suffix == "parquet")
        assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "few.csv"]


def test_an_output_is_not_the_records(batch_model, few, capsys):
    before = few.read_bytes()
    assert main(predict(batch_model, few, few.parent / "." / few.name)) == 2
    assert "An output is another file than the records" in capsys.readouterr().err
    assert few.read_bytes() == before


def test_another_suffix(batch_model, few, tmp_path, capsys):
    assert main(predict(batch_model, few, tmp_path / "answers.xlsx")) == 2
    assert "An output is .jsonl, .csv, .parquet. Received" in capsys.readouterr().err


def test_on_a_terminal_a_bar_counts_the_rows(batch_model, many, tmp_path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "multimodal_keras", *predict(batch_model, many, tmp_path / "answers.jsonl")]
    process = subprocess.Popen(command, stderr=theirs)
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:
        pass  # This is how Linux says that the other side is closed.
    os.close(ours)
    assert process.wait(timeout=WAIT_SECONDS) == 0
    assert f"[{'#' * 24}] 20,000 of 20,000 rows, " in said.decode()
    assert " rows/s" in said.decode()
    assert said.count(b"\r") > 3


def test_what_the_bar_says():
    assert line(50, 200, 100.0) == "[######------------------] 50 of 200 rows, 100 rows/s, 0:02 left"
    assert line(1_000_000, 2_000_000, 125.0).endswith("1,000,000 of 2,000,000 rows, 125 rows/s, 2:13:20 left")
    assert line(0, 200, 0.0) == f"[{'-' * 24}] 0 of 200 rows, 0 rows/s"
    assert line(1234, None, 10.0) == "1,234 rows, 10 rows/s"
