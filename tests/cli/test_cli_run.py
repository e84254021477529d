"""What is done with a run: evaluate, export, inspect, predict."""

import json

import pytest

from multimodal_keras.cli import main

pytestmark = pytest.mark.slow


def test_evaluate_takes_the_runs_own_test_records(run, capsys):
    assert main(["evaluate", str(run)]) == 0
    told = capsys.readouterr().out
    assert "12 records" in told
    assert told.splitlines()[-1] == str(run / "evaluation" / "report.html")
    assert (run / "evaluation" / "plots" / "learning_curves.png").exists()


def test_evaluate_as_json_on_other_records(run, rows, capsys):
    assert main(["evaluate", str(run), "--data", str(rows), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["records"] == 60
    assert set(report["subsets"]) == {"image", "title", "image+title"}


def test_export_leaves_a_version_folder(exported):
    names = {path.name for path in exported.iterdir()}
    assert {"saved_model.pb", "model.tflite", "contract.json", "parity.json"} <= names


def test_export_measures_on_the_records_that_it_is_given(run, rows, tmp_path, capsys):
    assert main(["export", str(run), "--output", str(tmp_path / "1"), "--sample", str(rows)]) == 0
    assert "60 records" in capsys.readouterr().out


def test_export_writes_the_tflite_files_that_are_wished(run, rows, tmp_path, capsys):
    wished = ["--quantize", "float32,dynamic", "--lstm", "fused", "--split", "--max-metric-drop", "0.5"]
    assert main(["export", str(run), "--output", str(tmp_path / "1"), "--sample", str(rows), *wished]) == 0
    told = capsys.readouterr().out
    assert "TFLite dynamic in parts" in told
    assert {"model.tflite", "model.dynamic.tflite", "parts"} <= {path.name for path in (tmp_path / "1").iterdir()}
    assert json.loads((tmp_path / "1" / "parity.json").read_text())["max_metric_drop"] == 0.5
    assert main(["inspect", str(tmp_path / "1" / "parts" / "title_encoder.dynamic.tflite")]) == 0
    assert "title_tokens" in capsys.readouterr().out
    assert main(["export", str(run), "--output", str(tmp_path / "2"), "--quantize", "int4"]) == 2
    assert "Received int4" in capsys.readouterr().err


def test_an_export_replaces_nothing_else(run, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["export", str(run), "--output", str(tmp_path)]) == 2
    assert "holds something else" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["", "model.tflite"])
def test_inspect_an_export(suffix, exported, capsys):
    assert main(["inspect", str(exported / suffix)]) == 0
    told = capsys.readouterr().out
    assert "title" in told
    assert "24" in told
    assert "animals" in told
    assert "largest difference from Keras on 12 records" in told
    assert ("title_present" in told) == bool(suffix)


def test_inspect_a_run_tells_the_same(run, exported, capsys):
    assert main(["inspect", str(run)]) == 0
    of_run = capsys.readouterr().out.splitlines()[1:]
    assert main(["inspect", str(exported)]) == 0
    assert of_run == capsys.readouterr().out.splitlines()[1:-1]


def test_inspect_as_json_is_the_contract(exported, capsys):
    assert main(["inspect", str(exported), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((exported / "contract.json").read_text())


def test_predict_gives_the_same_everywhere(run, exported, rows, tmp_path, capsys):
    found = {}
    for name, source in (("run", run), ("folder", exported), ("tflite", exported / "model.tflite")):
        output = tmp_path / f"{name}.jsonl"
        assert main(["predict", str(source), "--data", str(rows), "--output", str(output)]) == 0
        assert "60 records answered, 0 skipped" in capsys.readouterr().err
        found[name] = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["row"] for row in found["run"]] == list(range(1, 61))
    for name in ("folder", "tflite"):
        for expected, answer in zip(found["run"], found[name], strict=True):
            assert answer["subject"]["probabilities"] == pytest.approx(expected["subject"]["probabilities"], abs=1e-4)
            assert answer["colourful"]["value"] == pytest.approx(expected["colourful"]["value"], abs=1e-4)


def test_predict_names_the_row_it_cannot_use(exported, rows, tmp_path, capsys):
    lines = rows.read_text().splitlines()
    (tmp_path / "rows.csv").write_text("\n".join([lines[0], lines[1], "nowhere.png,title,,animals,test,0.5,1"]))
    command = ["predict", str(exported / "model.tflite"), "--data", str(tmp_path / "rows.csv")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "rows.csv, row 2, field 'image'" in error
    assert main([*command, "--on-error", "skip"]) == 0
    out, error = capsys.readouterr()
    assert "nowhere.png" in json.loads(out.splitlines()[1])["error"]
    assert "1 records answered, 1 skipped" in error


def test_a_tflite_file_without_its_contract(exported, rows, tmp_path, capsys):
    content = (exported / "model.tflite").read_bytes()
    (tmp_path / "model.tflite").write_bytes(content[: content.index(b"PK\3\4")])
    assert main(["predict", str(tmp_path / "model.tflite"), "--data", str(rows)]) == 2
    assert "contract.json" in capsys.readouterr().err
