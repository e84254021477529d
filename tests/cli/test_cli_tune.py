"""Tuning a server: what is chosen, and the whole way over a real one."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multimodal_keras.cli import main
from multimodal_keras.cli.tune_serving import request_bodies
from multimodal_keras.cli.tuning import (
    DEFAULT,
    Load,
    Row,
    Setting,
    best,
    grid,
    measure,
    read_tuning,
    table,
    write_tuning,
)
from multimodal_keras.cli.tuning.server import running

SMALL, LARGE = Setting(max_batch=8), Setting(max_batch=128)


def row(setting: Setting, rate: int, clients: int = 1, number: int = 0, errors: int = 0) -> Row:
    return Row(setting, clients, number, Load([0.01] * rate, busy=0, errors=errors, elapsed=1.0))


def test_the_default_is_left_only_for_what_wins_every_round() -> None:
    always = [row(DEFAULT, 100), row(DEFAULT, 90, number=1), row(SMALL, 110), row(SMALL, 95, number=1)]
    assert best(always) == SMALL
    once = [row(LARGE, 300), row(LARGE, 80, number=1)]
    assert best([*always[:2], *once]) == DEFAULT
    assert best([*always, *once]) == SMALL


def test_numbers_of_clients_count_alike() -> None:
    """Twice as fast for one client outweighs a tenth more for 32, though that is more requests."""
    rows = [row(DEFAULT, 100), row(DEFAULT, 1000, 32), row(SMALL, 200), row(SMALL, 1000, 32)]
    rows += [row(LARGE, 101), row(LARGE, 1200, 32)]
    assert best(rows) == SMALL


def test_a_setting_with_errors_is_never_chosen() -> None:
    assert best([row(DEFAULT, 100), row(SMALL, 500, errors=1)]) == DEFAULT
    assert best([row(DEFAULT, 500, errors=1), row(SMALL, 100)]) == SMALL
    assert best([row(DEFAULT, 500, errors=1)]) == DEFAULT


def test_grid() -> None:
    assert grid({"max_batch": [8, 32], "intra_op_threads": [0]}) == [DEFAULT, SMALL]
    with pytest.raises(ValueError, match="max_batch is 1 or more"):
        grid({"max_batch": [0]})
    with pytest.raises(ValueError, match="At most 24 settings"):
        grid({"max_batch": list(range(1, 40))})


def test_rounds_take_turns() -> None:
    """A server that is not there answers nothing; every start is followed by its end."""
    events: list[str] = []

    @contextlib.contextmanager
    def start(setting: Setting) -> Iterator[int]:
        events.append(f"start {setting.max_batch}")
        yield 1
        events.append(f"end {setting.max_batch}")

    rows = measure([DEFAULT, SMALL], [b"{}"], [2], 0.05, 2, start, lambda _: None)
    assert events == ["start 32", "end 32", "start 8", "end 8"] * 2
    assert [(each.setting, each.round, each.load.seconds) for each in rows] == [
        (DEFAULT, 0, []), (SMALL, 0, []), (DEFAULT, 1, []), (SMALL, 1, [])
    ]  # fmt: skip
    assert all(each.load.errors for each in rows)
    assert "nan" in table(rows)


def test_files(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "tuning.json"
    write_tuning(path, SMALL, {"model": "a"})
    assert read_tuning(path) == SMALL
    for text in ("", "[]", "{}", '{"format": 1, "serve": {"max_batch": 1}}', '{"format": 2, "serve": {}}'):
        path.write_text(text)
        assert main(["serve", str(tmp_path), "--tuning", str(path)]) == 2
        assert "Run tune-serving again" in capsys.readouterr().err


def test_serve_takes_a_tuning(tmp_path: Path, monkeypatch: Any) -> None:
    called: list[dict[str, Any]] = []
    monkeypatch.setattr("multimodal_keras.cli.serve.serve", lambda models, **options: called.append(options))
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "")
    del os.environ["TF_NUM_INTRAOP_THREADS"]
    write_tuning(tmp_path / "tuning.json", Setting(8, 16, 4, 1), {})
    assert main(["serve", str(tmp_path), "--tuning", str(tmp_path / "tuning.json")]) == 0
    assert {name: called[0][name] for name in ("max_batch", "max_waiting", "threads")} == {
        "max_batch": 8, "max_waiting": 16, "threads": 4
    }  # fmt: skip
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "1"


def test_refused_arguments(batch_export: Path, capsys: Any) -> None:
    for flag, value in (("--clients", "0"), ("--clients", "1000"), ("--seconds", "0"), ("--rounds", "21")):
        assert main(["tune-serving", str(batch_export), flag, value]) == 2
        assert flag in capsys.readouterr().err
    assert main(["tune-serving", "nowhere"]) == 2


def test_a_server_that_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"says: .*An exported model is a folder"), running(tmp_path, DEFAULT):
        raise AssertionError


def test_the_whole_way(batch_model: str, tmp_path: Path, capsys: Any) -> None:
    """A TFLite file, which starts fast: the default and two threads, in one short round."""
    output = tmp_path / "tuning.json"
    options = ["--clients", "1,4", "--seconds", "0.3", "--rounds", "1", "--threads", "2", "--output", str(output)]
    assert main(["tune-serving", batch_model, *options]) == 0
    told = capsys.readouterr()
    assert "2 settings, 1 rounds" in told.err
    assert len([line for line in told.out.splitlines() if line.split()[0] in ("32", "max_batch")]) == 5
    content = json.loads(output.read_text())
    assert [(each["threads"], each["clients"]) for each in content["measured"]] == [(176, 1), (176, 4), (2, 1), (2, 4)]
    assert all(each["rate"] > 0 and not each["errors"] and not each["busy"] for each in content["measured"])
    assert read_tuning(output).threads in (2, 176)


def test_requests_of_records(tmp_path: Path) -> None:
    contract = {
        "modalities": {
            "title": {"kind": "text", "optional": False, "vocabulary": ["a", "b"]},
            "image": {"kind": "image", "optional": True, "size": [2, 2]},
        }
    }
    made = [json.loads(body) for body in request_bodies(contract, None)]
    assert made[0]["image"].keys() == {"b64"}
    assert made[-1]["image"] == ""
    rows = tmp_path / "rows.csv"
    rows.write_text("title,image\na cat,\n", encoding="utf-8")
    assert [json.loads(body) for body in request_bodies(contract, str(rows))] == [{"title": "a cat", "image": ""}]
