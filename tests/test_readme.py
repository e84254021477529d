"""The README's Python blocks run, on fewer epochs."""

import csv
import re
from pathlib import Path

import pytest

import multimodal_keras as mk

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the `train.csv` that the README reads: a few bundled records of each subject."""
    records, seen = mk.data.clipart(), {}
    rows = []
    for record in records:
        seen[record["subject"]] = seen.get(record["subject"], 0) + 1
        if seen[record["subject"]] <= 16:
            rows.append({**record, "image": str(records.folder / record["image"])})
    with (tmp_path / "train.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_python_blocks_run_one_after_the_other(folder):
    assert len(BLOCKS) >= 2
    names: dict = {}
    for block in BLOCKS:
        exec(compile(block.replace("epochs=20", "epochs=2"), str(README), "exec"), names)
    assert (folder / "exported" / "clipart" / "1" / "parity.json").exists()
    assert names["report"].records > 0


def test_first_screen_is_make_demo_and_make_test():
    start = README.read_text(encoding="utf-8")[:1500]
    assert "make demo" in start
    assert "make test" in start
