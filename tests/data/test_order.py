import time

import numpy as np
import pytest

from multimodal_keras.data.order import ahead, generator, rebatched, shuffled, with_last


@pytest.mark.parametrize("window", [1, 5, 100])
def test_shuffling_keeps_every_item(window):
    found = list(shuffled(range(50), window, generator(0, 0)))
    assert sorted(found) == [*range(50)]
    assert (found == [*range(50)]) == (window == 1)
    assert all(place >= item - window for place, item in enumerate(found))


def test_work_ahead_keeps_the_order_and_is_bounded():
    started = []
    results = ahead(lambda item: (time.sleep(0.01 * (item % 3)), item)[1], (started.append(n) or n for n in range(30)))
    assert next(results) == 0
    assert len(started) < 30
    assert list(results) == [*range(1, 30)]


def test_small_batches_are_filled_up():
    found = rebatched([{("inputs", "x"): np.arange(size)} if size else None for size in (3, 0, 1, 7, 2)], 4)
    assert [len(batch["inputs", "x"]) for batch in found] == [4, 4, 4, 1]


def test_with_last():
    assert list(with_last("abc")) == [("a", False), ("b", False), ("c", True)]
    assert list(with_last("")) == []
