"""`predict --output`: three formats, flat memory, going on after a kill, and records that cannot be used."""

from __future__ import annotations

import csv
import itertools
import json
import os
import pty
import signal
import subprocess
import sys

import pyarrow.parquet
import pytest

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.cli.batch.meter import line

# One process makes the model.
pytestmark = pytest.mark.xdist_group("batch")
SUFFIXES = ("jsonl", "csv", "parquet")
MANY, WAIT_SECONDS = 20_000, 120
MEASURED = """
import re, sys
from pathlib import Path
from multimodal_keras.cli import main
code = main(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print([name for name in ("tensorflow", "keras") if name in sys.modules])
sys.exit(code)
"""
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
ALONE = """
import sys
sys.modules["pyarrow"] = None
from multimodal_keras.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def exported(clipart, tmp_path_factory):
    """An untrained model that reads titles, with a head of each kind."""
    model = mk.build_model(
        {"title": mk.TextModality(4)},
        {
            "subject": mk.ClassificationHead(),
            "colourful": mk.RegressionHead(),
            "tags": mk.MultiLabelHead(labels=["a", "b, c"]),
        },
        encoders={"title": mk.EmbeddingEncoder(embedding_width=4)},
        adapt_to=clipart,
    )
    return mk.export(model, tmp_path_factory.mktemp("batch") / "1", sample=clipart, sample_size=4).folder


@pytest.fixture(scope="module")
def model(exported):
    return str(exported / "model.tflite")


@pytest.fixture(scope="module")
def titles():
    return [record["title"] for record in mk.data.clipart()]


def written(path, titles):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "title"])
        writer.writerows(enumerate(titles, 1))
    return path


@pytest.fixture
def few(titles, tmp_path):
    return written(tmp_path / "few.csv", titles[:150])


@pytest.fixture
def broken(titles, tmp_path):
    """150 rows, of which the 70th has no title, and the 71st a cell too many."""
    path = written(tmp_path / "broken.csv", [*titles[:69], "", *titles[70:150]])
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[71] += ",surplus"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def many(titles, tmp_path_factory):
    return written(tmp_path_factory.mktemp("many") / "many.csv", itertools.islice(itertools.cycle(titles), MANY))


def predict(model, data, output, *more):
    return ["predict", str(model), "--data", str(data), "--output", str(output), *more]


def beside(output):
    """What lies beside an output whose name begins like its own."""
    return sorted(path.name.removeprefix(output.name) for path in output.parent.glob(f"{output.name}?*"))


def read_back(path):
    """Rows as dicts, whatever the format: numbers as numbers, labels as lists, nothing as None."""
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path).to_pylist()
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]
    for row in rows:
        for name, cell in row.items():
            if cell is not None and (name in ("row", "colourful") or "_probability" in name):
                row[name] = float(cell)
        if row["error"] is None:
            row["tags"] = row["tags"].split("|") if row["tags"] else []
    return rows


def as_row(number, answer, probabilities=True):
    """The row that an answer becomes."""
    found = {
        "row": number,
        "colourful": answer["colourful"]["value"],
        "subject": answer["subject"]["label"],
        "subject_probability": answer["subject"]["probability"],
        "tags": answer["tags"]["labels"],
        "error": None,
    }
    for task in ("subject", "tags") if probabilities else ():
        found |= {f"{task}_probability_{label}": chance for label, chance in answer[task]["probabilities"].items()}
    return found


@pytest.mark.parametrize("way", ["model.tflite", "."])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("flags", [[], ["--probabilities"]], ids=["labels", "probabilities"])
def test_a_table_holds_what_predict_says(way, suffix, flags, exported, few, tmp_path, capsys):
    output = tmp_path / "new" / f"answers.{suffix}"
    assert main(predict(exported / way, few, output, *flags)) == 0
    assert capsys.readouterr().err == f"150 records answered, 0 skipped; {output}\n"
    expected = mk.predict(exported / way, few)
    assert read_back(output) == [as_row(number, answer, bool(flags)) for number, answer in enumerate(expected, 1)]
    assert beside(output) == []


def test_json_lines_hold_what_predict_says(model, few, tmp_path, capsys):
    output = tmp_path / "answers.jsonl"
    assert main(predict(model, few, output)) == 0
    expected = [{"row": number, **answer} for number, answer in enumerate(mk.predict(model, few), 1)]
    assert list(map(json.loads, output.read_text(encoding="utf-8").splitlines())) == expected
    capsys.readouterr()
    assert main(["predict", model, "--data", str(few)]) == 0
    assert capsys.readouterr().out == output.read_text(encoding="utf-8")


def test_a_parquet_file_has_its_schema_and_row_groups(model, few, many, tmp_path):
    outputs = [tmp_path / "few.parquet", tmp_path / "many.parquet"]
    for data, output in zip((few, many), outputs, strict=True):
        assert main(predict(model, data, output, "--probabilities")) == 0
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


def killed(command, change):
    """Run it, and kill it before it renames or removes its file number `change`; whether it came that far."""
    program = [sys.executable, "-c", KILLED, str(change), *command]
    done = subprocess.run(program, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_killed_process_is_gone_on_with(suffix, model, many, tmp_path, capsys):
    output, whole = tmp_path / f"killed.{suffix}", tmp_path / f"whole.{suffix}"
    assert main(predict(model, many, whole)) == 0
    command = predict(model, many, output)
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
def test_it_may_be_killed_at_any_moment(suffix, model, broken, tmp_path):
    """A process that is killed again and again, at each change of a file in turn, ends with the same files."""
    whole = tmp_path / f"whole.{suffix}"
    assert main(predict(model, broken, whole, "--on-error", "skip")) == 0
    for change in itertools.count(1):
        output = tmp_path / str(change) / f"killed.{suffix}"
        command = predict(model, broken, output, "--on-error", "skip")
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
def half(model, broken, tmp_path, capsys):
    """An output of which the first batch of 64 is there, and the next one has a bad row."""
    output = tmp_path / "half.csv"
    assert main(predict(model, broken, output)) == 2
    assert "broken.csv, row 70, field 'title': A required field has a value" in capsys.readouterr().err
    assert beside(output) == [".partial", ".partial.json", ".skipped.jsonl.partial"]
    return output


def test_a_bad_row_ends_it_after_the_batches_before(half):
    assert not half.exists()
    assert len(half.with_name("half.csv.partial").read_text().splitlines()) == 1 + 64


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_skipped_rows_keep_their_place_and_are_listed(suffix, model, broken, tmp_path, capsys):
    output = tmp_path / f"answers.{suffix}"
    assert main(predict(model, broken, output, "--on-error", "skip")) == 0
    assert "148 records answered, 2 skipped" in capsys.readouterr().err
    expected = mk.predict(model, broken, on_error="skip")
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


def test_after_a_bad_row_it_goes_on_by_skipping(half, model, broken, tmp_path, capsys):
    assert main(predict(model, broken, half, "--on-error", "skip")) == 0
    assert "going on after 64 records" in capsys.readouterr().err
    whole = tmp_path / "whole.csv"
    assert main(predict(model, broken, whole, "--on-error", "skip")) == 0
    assert half.read_bytes() == whole.read_bytes()
    assert beside(half) == beside(whole) == [".skipped.jsonl"]
    lists = [path.with_name(f"{path.name}.skipped.jsonl").read_bytes() for path in (half, whole)]
    assert lists[0] == lists[1]


def test_the_list_of_an_earlier_output_does_not_stay(half, model, few, broken):
    assert main(predict(model, broken, half, "--on-error", "skip")) == 0
    assert main(predict(model, few, half)) == 0
    assert beside(half) == []


def test_skipped_rows_before_are_not_forgotten(half, model, broken, capsys):
    state = half.with_name("half.csv.partial.json")
    content = json.loads(state.read_text())
    listed = half.with_name("half.csv.skipped.jsonl.partial")
    listed.write_text("{}\n")
    state.write_text(json.dumps({**content, "skipped": 1, "bytes": [content["bytes"][0], 3]}))
    assert main(predict(model, broken, half)) == 2
    assert "goes on with --on-error skip. Received raise" in capsys.readouterr().err


def test_another_model_other_data_or_other_options_are_refused(half, model, exported, few, broken, tmp_path, capsys):
    skip = ("--on-error", "skip")
    for what, command in {
        "model": predict(exported, broken, half, *skip),
        "data": predict(model, few, half),
        "batch size": predict(model, broken, half, *skip, "--batch-size", "32"),
        "probabilities": predict(model, broken, half, *skip, "--probabilities"),
    }.items():
        capsys.readouterr()
        assert main(command) == 2
        error = capsys.readouterr().err
        assert f"Received another {what} than" in error
        assert "--restart" in error
    broken.write_text(broken.read_text(encoding="utf-8").replace(",surplus", ""), encoding="utf-8")
    assert main(predict(model, broken, half, *skip)) == 2
    assert main(predict(model, few, half, "--restart")) == 0
    assert main(predict(model, few, tmp_path / "whole.csv")) == 0
    assert half.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert beside(half) == []


def test_what_is_shorter_than_its_note_is_made_again(half, model, broken, tmp_path, capsys):
    half.with_name("half.csv.partial").write_bytes(b"row")
    assert main(predict(model, broken, half, "--on-error", "skip")) == 0
    assert "half.csv.partial is not whole: starting over" in capsys.readouterr().err
    assert [row["row"] for row in read_back(half)] == list(range(1, 151))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow_with_the_rows(suffix, model, titles, tmp_path):
    """Every third row is skipped, and every text has a length of its own."""
    peaks = []
    for count in (2_000, 20_000):
        some = (title if row % 3 else "" for row, title in enumerate(itertools.cycle(titles)))
        data = written(tmp_path / f"{count}.csv", itertools.islice(some, count))
        command = predict(model, data, tmp_path / f"{count}.{suffix}", "--on-error", "skip", "--probabilities")
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, timeout=WAIT_SECONDS, check=True
        )
        peak, loaded = done.stdout.splitlines()
        assert loaded == "[]"
        peaks.append(int(peak) / 1024)
    assert peaks[1] - peaks[0] < GROWTH_MEGABYTES[suffix], peaks


# Of Parquet one row group is in memory, and 2,000 rows do not fill one.
GROWTH_MEGABYTES = {"jsonl": 4, "csv": 4, "parquet": 24}


def test_no_records_are_a_file_without_rows(model, tmp_path):
    data = written(tmp_path / "none.csv", [])
    for suffix in SUFFIXES:
        assert main(predict(model, data, tmp_path / f"none.{suffix}")) == 0
    assert (tmp_path / "none.jsonl").read_text() == ""
    header = "row,colourful,subject,subject_probability,tags,error"
    assert (tmp_path / "none.csv").read_text() == f"{header}\n"
    assert pyarrow.parquet.read_table(tmp_path / "none.parquet").column_names == header.split(",")


def test_parquet_without_pyarrow(model, few, tmp_path):
    for suffix, code in (("parquet", 2), ("csv", 0)):
        command = [sys.executable, "-c", ALONE, *predict(model, few, tmp_path / f"answers.{suffix}")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
        assert done.returncode == code, done.stderr
        assert ("A .parquet file is written by pyarrow" in done.stderr) == (suffix == "parquet")
        assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "few.csv"]


def test_another_suffix(model, few, tmp_path, capsys):
    assert main(predict(model, few, tmp_path / "answers.xlsx")) == 2
    assert "An output is .jsonl, .csv, .parquet. Received" in capsys.readouterr().err


def test_on_a_terminal_a_bar_counts_the_rows(model, many, tmp_path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "multimodal_keras", *predict(model, many, tmp_path / "answers.jsonl")]
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
