"""The order of an epoch, and work done ahead without changing it."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from multimodal_keras.data.decoding import Arrays

Item = TypeVar("Item")
Result = TypeVar("Result")


def generator(seed: int, epoch: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the epoch alone, so that training can be resumed."""
    return np.random.default_rng([seed, epoch])


def shuffled(items: Iterable[Item], window: int, random: np.random.Generator) -> Iterator[Item]:
    """Shuffle a stream within a window of `window` items; a stream that fits into it is shuffled completely."""
    stream = iter(items)
    held = list(itertools.islice(stream, window))
    for item in stream:
        place = int(random.integers(len(held)))
        held[place], item = item, held[place]
        yield item
    for place in random.permutation(len(held)).tolist():
        yield held[place]


def ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Like `map`, in the same order, with a few calls ahead: one thread and one call for each core."""
    workers = os.cpu_count() or 1
    pool = ThreadPoolExecutor(workers, thread_name_prefix="records")
    running: deque[Future[Result]] = deque()
    try:
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) > workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def rebatched(batches: Iterable[Arrays | None], size: int) -> Iterator[Arrays]:
    """Fill up batches that lost records, so that only the last one is smaller than `size`."""
    held: Arrays | None = None
    for batch in batches:
        if batch is None:
            continue
        held = batch if held is None else {key: np.concatenate([held[key], batch[key]]) for key in batch}
        while held is not None and rows_in(held) >= size:
            yield {key: array[:size] for key, array in held.items()}
            held = {key: array[size:] for key, array in held.items()} if rows_in(held) > size else None
    if held is not None:
        yield held


def rows_in(batch: Arrays) -> int:
    """How many records a batch has."""
    return len(next(iter(batch.values())))


def with_last(items: Iterable[Item]) -> Iterator[tuple[Item, bool]]:
    """Each item, and whether it is the last one."""
    stream = iter(items)
    for item in stream:
        for following in stream:
            yield item, False
            item = following
        yield item, True
