"""Requests that share a call: each gets its own answer, and none waits for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from serving_values import b64

import multimodal_keras as mk
from multimodal_keras.serving.batcher import MicroBatcher
from multimodal_keras.serving.refusal import Refusal

PATIENCE = 30


class Doubling:
    """Answers twice its input, when it is let; refuses what is negative."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.signatures: list[str] = []
        self.started, self.go_on = threading.Event(), threading.Event()

    def __call__(self, signature: str, inputs: Any) -> dict[str, np.ndarray]:
        numbers = np.asarray(inputs["number"])
        self.sizes.append(len(numbers))
        self.signatures.append(signature)
        self.started.set()
        assert self.go_on.wait(PATIENCE)
        if (numbers < 0).any():
            raise Refusal("A number is positive. Received another one.")
        return {"double": numbers * 2}


def until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def waiting(batcher: MicroBatcher) -> int:
    return len(batcher._waiting)


def behind_one(model: Doubling, batcher: MicroBatcher, numbers: list[Any], pool: ThreadPoolExecutor) -> list[Any]:
    """Requests that came, in this order, while a first one was being answered."""
    asked = [pool.submit(batcher, "serving_default", {"number": np.array([0])}, 1)]
    assert model.started.wait(PATIENCE)
    for number in numbers:
        before = waiting(batcher)
        asked.append(pool.submit(batcher, "serving_default", {"number": np.array([number])}, 1))
        until(lambda before=before: waiting(batcher) == before + 1)
    model.go_on.set()
    return asked[1:]


def test_what_waits_goes_into_one_call() -> None:
    model = Doubling()
    batcher = MicroBatcher(model, max_batch=8)
    with ThreadPoolExecutor(16) as pool:
        answers = [future.result(PATIENCE) for future in behind_one(model, batcher, list(range(1, 13)), pool)]
    assert [answer["double"].tolist() for answer in answers] == [[2 * number] for number in range(1, 13)]
    assert model.sizes == [1, 8, 4]


def test_a_bad_record_fails_alone() -> None:
    model = Doubling()
    batcher = MicroBatcher(model)
    with ThreadPoolExecutor(8) as pool:
        first, bad, last = behind_one(model, batcher, [1, -1, 2], pool)
        with pytest.raises(Refusal, match="A number is positive"):
            bad.result(PATIENCE)
        assert first.result(PATIENCE)["double"].tolist() == [2]
        assert last.result(PATIENCE)["double"].tolist() == [4]
    assert model.sizes == [1, 3, 1, 1, 1]


def test_strings_and_several_records_keep_their_places() -> None:
    joined = []

    def echo(_: str, inputs: Any) -> dict[str, np.ndarray]:
        joined.append(list(inputs["text"]))
        return {"text": np.array(inputs["text"], object)}

    slow = Doubling()

    def held(signature: str, inputs: Any) -> dict[str, np.ndarray]:
        slow(signature, {"number": [0]})
        return echo(signature, inputs)

    batcher = MicroBatcher(held)
    with ThreadPoolExecutor(4) as pool:
        one = pool.submit(batcher, "serving_default", {"text": [b"a"]}, 1)
        assert slow.started.wait(PATIENCE)
        two = pool.submit(batcher, "serving_default", {"text": [b"b", b"c"]}, 2)
        until(lambda: waiting(batcher) == 1)
        three = pool.submit(batcher, "serving_default", {"text": [b"d"]}, 1)
        until(lambda: waiting(batcher) == 2)
        slow.go_on.set()
        assert [list(future.result(PATIENCE)["text"]) for future in (one, two, three)] == [[b"a"], [b"b", b"c"], [b"d"]]
    assert joined == [[b"a"], [b"b", b"c", b"d"]]


def test_signatures_are_not_mixed() -> None:
    model = Doubling()
    batcher = MicroBatcher(model)
    with ThreadPoolExecutor(8) as pool:
        pool.submit(batcher, "serving_default", {"number": np.array([0])}, 1)
        assert model.started.wait(PATIENCE)
        for count, name in enumerate(("tensors", "tensors", "serving_default")):
            pool.submit(batcher, name, {"number": np.array([1])}, 1)
            until(lambda count=count: waiting(batcher) == count + 1)
        model.go_on.set()
    assert list(zip(model.signatures, model.sizes, strict=True)) == [
        ("serving_default", 1),
        ("tensors", 2),
        ("serving_default", 1),
    ]


def test_too_many_are_told_to_come_again() -> None:
    model = Doubling()
    batcher = MicroBatcher(model, max_waiting=2)
    with ThreadPoolExecutor(8) as pool:
        running = pool.submit(batcher, "serving_default", {"number": np.array([0])}, 1)
        assert model.started.wait(PATIENCE)
        # One request may always wait, however large it is.
        large = pool.submit(batcher, "serving_default", {"number": np.arange(5)}, 5)
        until(lambda: waiting(batcher) == 1)
        with pytest.raises(Refusal, match="The server is busy") as refused:
            batcher("serving_default", {"number": np.array([1])}, 1)
        assert refused.value.status == 503
        model.go_on.set()
        assert running.result(PATIENCE)["double"].tolist() == [0]
        assert large.result(PATIENCE)["double"].tolist() == [0, 2, 4, 6, 8]
    assert batcher("serving_default", {"number": np.array([4])}, 1)["double"].tolist() == [8]


def test_what_waited_too_long_is_not_computed() -> None:
    model = Doubling()
    batcher = MicroBatcher(model, timeout_seconds=0.05)
    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(batcher, "serving_default", {"number": np.array([1])}, 1)
        assert model.started.wait(PATIENCE)
        with pytest.raises(Refusal, match="took too long") as refused:
            batcher("serving_default", {"number": np.array([2, 3])}, 2)
        assert refused.value.status == 504
        model.go_on.set()
        # What runs cannot be stopped, and is answered.
        assert running.result(PATIENCE)["double"].tolist() == [2]
    assert model.sizes == [1]


def test_limits_are_above_zero() -> None:
    with pytest.raises(ValueError, match=r"above 0. Received 0, 128"):
        MicroBatcher(Doubling(), max_batch=0)


def test_two_models_never_answer_for_each_other(
    exported: Any, clipart: Any, tmp_path: Any, pictures: list[bytes]
) -> None:
    """Both in one process, with the same names inside, asked by many threads at once."""
    model = mk.build_model(
        {"title": mk.TextModality(sequence_length=4, optional=True), "image": mk.ImageModality(size=(16, 16))},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()},
        encoders={"title": "LSTMEncoder", "image": mk.Conv2DEncoder()},
        adapt_to=clipart,
    )
    other = mk.export(model, tmp_path / "other" / "1", sample=clipart, sample_size=4, tflite=False).folder
    apps = [mk.serving.create_app(folder) for folder in (exported, other)]
    bodies = [{"title": f"cat {number}", "image": b64(picture)} for number, picture in enumerate(pictures)]

    def ask(job: tuple[int, int]) -> list[float]:
        app, body = job
        response = apps[app].test_client().post("/predict", json=bodies[body])
        assert response.status_code == 200
        return list(response.get_json()["answers"][0]["subject"]["probabilities"].values())

    jobs = [(app, body) for body in range(len(bodies)) for app in range(2)]
    alone = {job: ask(job) for job in jobs}
    apart = [np.abs(np.subtract(alone[0, body], alone[1, body])).max() for body in range(len(bodies))]
    assert min(apart) > 1e-3
    with ThreadPoolExecutor(16) as pool:
        for job, answer in zip(jobs * 8, pool.map(ask, jobs * 8), strict=True):
            np.testing.assert_allclose(answer, alone[job], atol=1e-5)


def test_a_busy_server_says_when_to_come_again(app: Any, client: Any, pictures: list[bytes], monkeypatch: Any) -> None:
    def busy(*_: Any) -> None:
        raise Refusal("The server is busy.", 503)

    monkeypatch.setattr(MicroBatcher, "__call__", busy)
    response = client.post("/predict", json={"image": b64(pictures[0])})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.get_json() == {"error": "The server is busy."}


def test_shorter_values_are_filled_up_to_share_a_call() -> None:
    model = Doubling()
    batcher = MicroBatcher(model)
    with ThreadPoolExecutor(8) as pool:
        asked = behind_one(model, batcher, [[1.0, 2.0], [3.0]], pool)
        found = [future.result(PATIENCE)["double"].tolist() for future in asked]
    assert model.sizes == [1, 2]
    assert found[0] == [[2.0, 4.0]]
    assert found[1][0][0] == 6.0
    assert np.isnan(found[1][0][1])


def test_a_long_value_is_answered_alone() -> None:
    model = Doubling()
    batcher = MicroBatcher(model)
    with ThreadPoolExecutor(8) as pool:
        asked = behind_one(model, batcher, [[1.0] * 100, *[[2.0]] * 5], pool)
        found = [future.result(PATIENCE)["double"].shape for future in asked]
    assert model.sizes == [1] * 7
    assert found == [(1, 100), *[(1, 1)] * 5]
