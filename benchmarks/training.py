"""How fast a model trains: `fit` on real files against the bare step, and the step against PyTorch.

One run measures, in alternating rounds on the same machine with two threads each:

* `fit` on the bundled records, decoded in every epoch or kept in memory, against the same compiled model that is fed one
  batch again and again (goal: at least 90 % of its steps a second);
* one step (forward, backward, AdamW) of an LSTM over 32 tokens, strided convolutions over 96 x 96 pixels, or both, against
  the same layers in PyTorch in processes of its own, the best of two memory layouts and of threads that wait asleep or as
  they ever do, by spinning for a while (goal: no slower).

Only ratios within a run mean something. `best` is the fastest round, and `cpu` what both threads worked: on a busy machine
these say more than the median. Threads that spin are faster on a quiet machine and many times slower on a busy one.

    python benchmarks/training.py --rounds 9
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

THREADS, LAYOUTS, WAITS = 2, ("default", "channels last"), ("asleep", "as ever")
FIELDS = {"text": ("title",), "image": ("image",), "text + image": ("image", "title")}
UNITS, STEPS, SIZE, FILTERS, GOAL_OF_FIT = 128, 32, 96, (32, 64, 128), 0.9
Times, Costs = dict[str, list[float]], dict[str, list[tuple[float, float]]]


def use_threads() -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)


def our_model(fields: tuple[str, ...], train: Any, text_encoder: Any = None) -> Any:
    import multimodal_keras as mk

    modalities = {"title": mk.TextModality(sequence_length=STEPS), "image": mk.ImageModality(size=(SIZE, SIZE))}
    encoders = {"title": text_encoder or mk.LSTMEncoder(UNITS), "image": mk.Conv2DEncoder(FILTERS)}
    return mk.build_model(
        {field: modalities[field] for field in fields},
        {"subject": mk.ClassificationHead()},
        encoders={field: encoders[field] for field in fields},
        fusion="ConcatFusion",
        adapt_to=train,
    )


def keras_lstm() -> Any:
    """Keras's own layer in the place of our loop."""
    import keras

    import multimodal_keras as mk

    class PlainLSTMEncoder(mk.LSTMEncoder):
        def build(self, features_shape: Any, step_mask_shape: Any = None) -> None:
            self._lstm = keras.layers.LSTM(self.units, return_sequences=True)
            self._lstm.build(self.build_inputs(features_shape))
            self.built = True

        def call(self, features: Any, step_mask: Any = None, training: bool | None = None) -> Any:
            tokens = self._lstm(self.embed(features, training), training=training)
            return tokens if step_mask is None else (tokens, step_mask)

    return PlainLSTMEncoder(UNITS)


def fit_times(arguments: argparse.Namespace) -> Times:
    """Seconds of each epoch: kept in memory, decoded anew, and of one batch again and again."""
    import multimodal_keras as mk
    from multimodal_keras.training import TrainingOptions, compile_model

    use_threads()
    steps = arguments.records // arguments.batch
    train = mk.data.clipart().where(split="train").take(steps * arguments.batch)
    model = our_model(FIELDS["text + image"], train)
    compile_model(model, TrainingOptions(), steps)
    batch = next(iter(mk.data.batches(train, model, batch_size=arguments.batch)))
    options = {"batch_size": arguments.batch, "shuffle": True}
    for dataset in (repeated(batch, 5), mk.data.batches(train.take(arguments.batch), model, **options)):
        model.fit(dataset, verbose=0, shuffle=False)  # to compile for either shape
    ways: dict[str, Callable[[], Any]] = {"one batch": partial(repeated, batch, steps)}
    for cache in ("memory", None):
        ways[f"cache={cache!r}"] = mk.data.Pipeline(train, model, cache=cache, **options).dataset
    times: Times = {}
    for _ in range(arguments.epochs):
        for name, dataset in ways.items():
            start = time.perf_counter()
            model.fit(dataset(), verbose=0, shuffle=False)
            times.setdefault(name, []).append((time.perf_counter() - start) / steps)
    return times


def keras_steps(folder: Path, batch_size: int) -> dict[str, Callable[[int], None]]:
    """Way to a function that does so many steps; leaves the batch in the folder for PyTorch."""
    import keras
    import numpy as np

    import multimodal_keras as mk

    use_threads()
    train = mk.data.clipart().where(split="train")
    ways: dict[str, Any] = {name: (fields, None) for name, fields in FIELDS.items()}
    ways |= {f"{name}, keras.layers.LSTM": (FIELDS[name], keras_lstm()) for name in ("text", "text + image")}
    steps = {}
    for name, (fields, encoder) in ways.items():
        model = our_model(fields, train, encoder)
        head = mk.base.parts(model).heads["subject"]
        model.compile(keras.optimizers.AdamW(1e-3), loss={"subject": head.default_loss()})
        batch = next(iter(mk.data.batches(train.take(batch_size), model, batch_size=batch_size)))
        if fields == FIELDS["text + image"]:
            vocabulary = mk.base.parts(model).modalities["title"].feature_spec().vocabulary_size
            np.savez(folder / "batch.npz", **batch[0], **batch[1], sizes=[vocabulary, len(head.labels)])
        steps[name] = partial(repeated_fit, model, batch)
    return steps


def repeated_fit(model: Any, batch: Any, count: int) -> None:
    model.fit(repeated(batch, count), verbose=0, shuffle=False)


def repeated(batch: Any, count: int) -> Any:
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False  # its thread may hold up the end by as long as the dataset lasted
    return tf.data.Dataset.from_tensors(batch).repeat(count).with_options(options)


def torch_steps(folder: Path, _: int) -> dict[str, Callable[[int], None]]:
    import numpy as np
    import torch

    torch.set_num_threads(THREADS)
    with np.load(folder / "batch.npz") as kept:
        batch = {name: torch.from_numpy(kept[name]) for name in ("title", "image", "subject")}
        vocabulary, labels = (int(size) for size in kept["sizes"])
    steps = {}
    for name, fields in FIELDS.items():
        for layout in LAYOUTS[: len(LAYOUTS) if "image" in fields else 1]:
            model = torch_model(fields, vocabulary, labels, layout == LAYOUTS[1])
            optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=4e-3)
            steps[f"{name}, {layout}"] = partial(torch_step, model, optimizer, batch)
    return steps


def torch_model(fields: tuple[str, ...], vocabulary: int, labels: int, channels_last: bool) -> Any:
    """The same layers and sizes; the padding is TensorFlow's `same`."""
    import torch
    from torch import nn

    stages: list[Any] = []
    for before, width in zip((3, *FILTERS), FILTERS, strict=False):
        convolution = nn.Conv2d(before, width, 3, stride=2, bias=False)
        stages += [nn.ZeroPad2d((0, 1, 0, 1)), convolution, nn.GroupNorm(width // 16, width, eps=1e-3), nn.ReLU()]
    memory_format = torch.channels_last if channels_last else torch.contiguous_format

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(vocabulary, UNITS)
            self.lstm = nn.LSTM(UNITS, UNITS, batch_first=True)
            self.stages = nn.Sequential(*stages)
            self.out = nn.Linear(sum(UNITS if field == "title" else FILTERS[-1] for field in fields), labels)

        def forward(self, batch: dict[str, Any]) -> Any:
            vectors = []
            if "image" in fields:
                pixels = batch["image"].permute(0, 3, 1, 2).float() / 255 * 2 - 1
                vectors.append(self.stages(pixels.contiguous(memory_format=memory_format)).mean((2, 3)))
            if "title" in fields:
                ids = batch["title"].long()
                last = ((ids != 0).sum(1) - 1).clamp(min=0)
                vectors.append(self.lstm(self.embedding(ids))[0][torch.arange(len(ids)), last])
            return self.out(torch.cat(vectors, 1))

    return Net().to(memory_format=memory_format)


def torch_step(model: Any, optimizer: Any, batch: dict[str, Any], count: int) -> None:
    import torch

    for _ in range(count):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), batch["subject"].long()).backward()
        optimizer.step()


def work(steps: dict[str, Callable[[int], None]]) -> None:
    """Do steps when asked: a line with the way and their number, answered by seconds and CPU seconds a step."""
    for run in steps.values():
        run(5)
    print(json.dumps(list(steps)), flush=True)
    for line in sys.stdin:
        way, count = json.loads(line)
        start, worked = time.perf_counter(), time.process_time()
        steps[way](count)
        seconds = time.perf_counter() - start, time.process_time() - worked
        print(json.dumps([taken / count for taken in seconds]), flush=True)


@contextmanager
def worker(part: str, wait: str, *arguments: str) -> Iterator[tuple[list[str], Callable[[str, int], Any]]]:
    command = [sys.executable, __file__, "--part", part, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    # Never ACTIVE: a process that waits for its turn would keep a core busy.
    environment = os.environ | ({"OMP_WAIT_POLICY": "PASSIVE"} if wait == WAITS[0] else {})
    process: Any = subprocess.Popen(command, text=True, env=environment, **pipes)

    def ask(*question: Any) -> Any:
        if question:
            print(json.dumps(question), file=process.stdin, flush=True)
        if line := process.stdout.readline():
            return json.loads(line)
        raise SystemExit(f"The process {part} stopped: {' '.join(command)}")

    try:
        yield ask(), ask
    finally:
        process.stdin.close()
        process.wait(60)


def step_times(arguments: argparse.Namespace, folder: str) -> Costs:
    """Alternate: every round times every way once."""
    times: Costs = {}
    more = ("--folder", folder, "--batch", str(arguments.batch))
    with ExitStack() as stack:
        workers = {"": stack.enter_context(worker("keras", WAITS[1], *more))}
        for wait in WAITS:
            workers[f"PyTorch {wait}, "] = stack.enter_context(worker("torch", wait, *more))
        for _ in range(arguments.rounds):
            for prefix, (ways, ask) in workers.items():
                for way in ways:
                    times.setdefault(prefix + way, []).append(ask(way, arguments.steps))
    return times


def verdict(met: bool, text: str) -> str:
    return f"{'met   ' if met else 'MISSED'}  {text}"


def fit_report(times: Times) -> list[str]:
    bare = times["one batch"]
    lines = [f"{'fit':32}{'steps/s':>10}{'of one batch':>14}{'with first epoch':>18}"]
    goals = []
    for name, seconds in times.items():
        share = statistics.median(bare[1:]) / statistics.median(seconds[1:])
        first = sum(bare) / sum(seconds)
        lines.append(f"{name:32}{1 / statistics.median(seconds[1:]):10.2f}{share:14.0%}{first:18.0%}")
        goals.append(verdict(share >= GOAL_OF_FIT, f"fit with {name}: {share:.0%} of the bare step (goal 90 %)"))
    return [*lines, "", *goals[1:], ""]


def step_report(costs: Costs) -> list[str]:
    kinds: dict[str, Callable[[list[tuple[float, float]]], float]] = {
        "median": lambda rows: 1e3 * statistics.median(wall for wall, _ in rows),
        "best": lambda rows: 1e3 * min(wall for wall, _ in rows),
        "cpu": lambda rows: 1e3 * statistics.median(cpu for _, cpu in rows),
    }
    table = {way: {kind: found(rows) for kind, found in kinds.items()} for way, rows in costs.items()}
    lines = [f"{'one step, ms (ratio: PyTorch / this)':46}" + "".join(f"{kind:>10}{'ratio':>7}" for kind in kinds)]
    goals = []
    for name in FIELDS:
        rivals = [way for way in costs if way.startswith("PyTorch") and way.split(", ")[1] == name]
        wanted = {kind: min(table[way][kind] for way in rivals) for kind in kinds}
        for way in [way for way in costs if way.split(",")[0] == name] + rivals:
            figures = [f"{table[way][kind]:10.1f}{wanted[kind] / table[way][kind]:7.2f}" for kind in kinds]
            lines.append("".join([f"{way:46}", *figures]))
        said = ", ".join(f"{kind} {wanted[kind] / table[name][kind]:.2f}" for kind in kinds)
        goals.append(
            verdict(table[name]["median"] <= wanted["median"], f"{name}: PyTorch against ours, {said} (goal 1)")
        )
    return [*lines, "", *goals]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=512, help="bundled records in an epoch of fit")
    parser.add_argument("--epochs", type=int, default=6, help="of fit, the first one apart")
    parser.add_argument("--rounds", type=int, default=5, help="of single steps")
    parser.add_argument("--steps", type=int, default=8, help="in a round")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=("keras", "torch"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        return work({"keras": keras_steps, "torch": torch_steps}[arguments.part](arguments.folder, arguments.batch))
    with tempfile.TemporaryDirectory() as folder:
        steps = step_times(arguments, folder)
    print("\n".join([*fit_report(fit_times(arguments)), *step_report(steps)]))


if __name__ == "__main__":
    main()
