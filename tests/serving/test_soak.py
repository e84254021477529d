"""The soak and the hot swap of `benchmarks/`, in small: what they notice."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import HostileRequest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "benchmarks"))

from hot_swap import watch_swap
from serving_load import model
from serving_load.client import Answer, clients, closed_loop
from serving_load.server import Server, running, serving_code
from serving_load.slope import slope_of
from soak import Findings, Soak, blocks, corpus, growth


@pytest.fixture(scope="module")
def server(exported: Path) -> Iterator[Server]:
    with running(serving_code(exported / "model.tflite")) as started:
        yield started


@pytest.fixture(scope="module")
def rows(exported: Path) -> list[tuple[HostileRequest, bytes]]:
    """The whole corpus, and as many mutations."""
    return corpus(exported, "drawings", 1500)


def test_large_requests_leave_no_memory(server: Server, rows: list[tuple[HostileRequest, bytes]]) -> None:
    """Pictures of 25 million pixels, and bodies of megabytes, each in a thread whose heap would keep what it once had."""
    before = server.memory()
    large = [sent for row, sent in rows if "large" in row.name or "packed zeros" in row.name]
    assert len(large) >= 5
    for sent in 2 * large:
        closed_loop(server.port, [sent], 1, 0.0)
    assert server.peak_memory() > before + 60
    assert server.memory() < before + 40


def test_a_small_soak(server: Server, exported: Path, rows: list[tuple[HostileRequest, bytes]]) -> None:
    """One hostile request in ten, in the corpus's own forms and mutated, among good ones from eight clients."""
    bodies = model.requests(8)
    wanted = model.answers(exported, bodies)
    before = server.memory()
    with clients() as pool:
        found = Soak(server, pool, bodies, wanted, rows[::10]).run(6.0, 2.0, count=8, hostile_part=0.1)
    assert not found.crashed
    assert found.right >= 8
    assert found.hostile.total() >= 8
    assert not found.wrong
    assert not found.failed
    assert not found.shown
    assert len(found.memory) >= 3
    assert server.memory() < before + 100


def test_a_soak_notices_what_is_wrong() -> None:
    right, wrong = b'{"answers": [{"a": 1.0}]}', b'{"answers": [{"a": 2.0}]}'
    soak = Soak(None, None, [b""], [[{"a": 1.0}]], [])  # type: ignore[arg-type] (it asks nobody)
    soak._look([0], [Answer(0, 0.0, 0.0, 0.1, 200, right), Answer(0, 0.0, 0.0, 0.1, 200, wrong)])
    soak._look([0], [Answer(0, 0.0, 0.0, 0.1, 500, b'Traceback (most recent call last):\n  File "/usr/x.py"')])
    findings = soak.findings
    assert (findings.right, len(findings.wrong), findings.shown.total()) == (1, 2, 1)
    findings.memory = [(float(second), 500.0 + second) for second in range(120)]
    assert [line[:6] for line in findings.goals()] == ["met   ", "MISSED", "met   ", "MISSED", "MISSED"]


def test_a_leak_is_more_than_noise() -> None:
    rising = [(second, 100 + second / 6) for second in range(60)]
    assert slope_of(rising).value == pytest.approx(10.0)
    assert slope_of(rising).is_above_noise
    noise: list[Any] = [(second, 100.0 + (-1) ** second) for second in range(60)]
    assert not slope_of(noise).is_above_noise
    assert abs(growth(noise)) <= 2
    assert not slope_of([(0, 1.0), (1, 2.0)]).is_above_noise
    # Twelve blocks, whatever the number of samples: seconds that follow each other do not make a slope surer.
    assert blocks(rising) == [(second + 2.0, 100 + (second + 2.0) / 6) for second in range(0, 60, 5)]
    assert blocks(rising[:5]) == rising[:5]
    assert Findings(memory=[(float(second), 100.0) for second in range(9)]).goals()[-1].startswith("met")


def test_a_mixture_of_versions_is_noticed() -> None:
    """A request of two records: both of the old version, both of the new one, or one of each."""
    old, new = [[{"a": 1.0}, {"a": 2.0}]], [[{"a": 5.0}, {"a": 6.0}]]
    bodies = (b'{"answers": [{"a": 1.0}, {"a": 2.0}]}', b'{"answers": [{"a": 5.0}, {"a": 6.0}]}')
    mixed = b'{"answers": [{"a": 1.0}, {"a": 6.0}]}'
    answers = [Answer(0, float(moment), 0.0, 0.5, 200, body) for moment, body in enumerate((*bodies, mixed, bodies[0]))]
    found = watch_swap(answers, put_in=0.25, old=old, new=new)
    assert found.outcome.versions == [0, 1, 0]
    assert [answer.body for answer in found.outcome.wrong] == [mixed]
    assert found.seconds == 1.25
    assert found.backward == 1
