"""`explain` on the command line: the table, and each record's answer."""

from __future__ import annotations

import json

import multimodal_keras as mk
from multimodal_keras.cli import main
from multimodal_keras.exporting import TFLiteOptions
from multimodal_keras.exporting.device_files import write_device_files


def test_the_command_sums_up_and_writes(tmp_path, capsys):
    words = {"title": ["mars", "zinc"], "note": ["old"]}
    model = mk.build_model(
        {field: mk.TextModality(2, vocabulary=known, optional=True) for field, known in words.items()},
        {"kind": mk.ClassificationHead(labels=["a", "b"])},
        encoders={field: mk.EmbeddingEncoder(embedding_width=4) for field in words},
    )
    write_device_files(model, tmp_path, TFLiteOptions(explain=True), None)
    (tmp_path / "new.csv").write_text("title,note\nmars,old\nzinc,\n", encoding="utf-8")
    wanted = mk.runtime.load(tmp_path / "model.tflite").explain(tmp_path / "new.csv")
    command = ["explain", str(tmp_path / "model.tflite"), "--data", str(tmp_path / "new.csv")]
    assert main([*command, "--output", str(tmp_path / "told.jsonl")]) == 0
    lines = [json.loads(line) for line in (tmp_path / "told.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == [{"row": number, **answer} for number, answer in enumerate(wanted, 1)]
    table = capsys.readouterr().out
    for field, facts in wanted.summary()["kind"].items():
        assert [row.split()[-1] for row in table.splitlines() if field in row.split()] == [f"{facts['share']:.1%}"]
    assert main(command) == 0
    assert capsys.readouterr().out == table
    assert main([*command, "--output", str(tmp_path / "told.csv")]) == 2
    assert "Contributions are written as .jsonl" in capsys.readouterr().err
