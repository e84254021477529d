"""Processes: what they reply, and what becomes of one that dies, hangs, or is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from multimodal_keras.comparing import crew as crews
from multimodal_keras.comparing.crew import Crew, shares_of_cores

PROGRAM = """
import json, os, signal, sys, time
for line in sys.stdin:
    task = json.loads(line)
    if task["do"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task["do"] == "leave":
        print("out of paper", file=sys.stderr)
        sys.exit(3)
    if task["do"] == "hang":
        open(task["file"], "w").write(str(os.getpid()))
        time.sleep(600)
    print(json.dumps({"said": task["do"], "process": os.getpid(), "cores": sys.argv[1]}), flush=True)
"""


@pytest.fixture
def command(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    return [sys.executable, str(tmp_path / "program.py")]


def test_one_that_dies_is_replaced_and_the_others_go_on(command, tmp_path):
    told = []
    with Crew(command, tmp_path, [(0, 1)]) as crew:
        crew.do([{"do": do} for do in ("one", "die", "two", "leave", "three")], lambda task, reply: told.append(reply))
    assert [reply.get("said") for reply in told] == ["one", None, "two", None, "three"]
    assert told[1]["error"] == "its process was killed by SIGKILL"
    assert told[3]["error"] == "its process ended with code 3: out of paper"
    assert told[0]["process"] != told[2]["process"]
    assert told[0]["cores"] == "0,1"


def test_a_process_does_several_tasks_and_is_replaced_before_it_grows(command, tmp_path, monkeypatch):
    monkeypatch.setattr(crews, "TASKS_PER_PROCESS", 2)
    told = []
    with Crew(command, tmp_path, [(0,)]) as crew:
        crew.do([{"do": "work"}] * 3, lambda task, reply: told.append(reply["process"]))
    assert told[0] == told[1] != told[2]


def test_two_processes_share_the_tasks(command, tmp_path):
    told = []
    with Crew(command, tmp_path, [(0,), (1,)]) as crew:
        crew.do([{"do": "work"}] * 8, lambda task, reply: told.append(reply["said"]))
    assert told == ["work"] * 8


def test_interrupted_it_leaves_no_process(command, tmp_path, monkeypatch):
    monkeypatch.setattr(crews, "_STOP_SECONDS", 0.2)
    file = tmp_path / "process"

    def interrupted(task, reply):
        deadline = time.monotonic() + 30
        while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Crew(command, tmp_path, [(0,)]) as crew:
        crew.do([{"do": "work"}, {"do": "hang", "file": str(file)}, {"do": "never"}], interrupted)
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


def test_the_program_ends_with_its_input(tmp_path):
    """So that nothing goes on when whoever asked was killed; it does not even load TensorFlow for that."""
    command = [sys.executable, "-m", "multimodal_keras.comparing.worker", str(tmp_path), "0"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


def test_cores_are_dealt_out(monkeypatch):
    monkeypatch.setattr(crews, "_free_cores", lambda: [2, 3, 5, 7, 8])
    assert shares_of_cores(2, None) == [(2, 3), (5, 7, 8)]
    assert shares_of_cores(2, 2) == [(2,), (3,)]
    for processes, cores in ((6, None), (2, 1), (1, 6), (0, None)):
        with pytest.raises(ValueError, match="Each process has a core, and there are 5"):
            shares_of_cores(processes, cores)
