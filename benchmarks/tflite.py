"""How LSTMs, GRUs and whole models run on a device, against what plain Keras writes.

One run compares, with the same weights: the hoisted loop and the fused op of `multimodal_keras`,
`model.export(format="litert")` of Keras, Keras's own loop converted at batch 1, and Keras's unrolled layer. Each file is
loaded by the stock interpreter with one thread, called in turn with the others, and compared with Keras over several
records in a row. Then two models over the bundled drawings at every quantization: the quickstart's, with an LSTM, trained
for a few epochs, and the demo's where its run folder is given.

    python benchmarks/tflite.py --run "runs/demo/image+title"
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import multimodal_keras as mk
from multimodal_keras.exporting.tflite import write_tflite

STEPS, UNITS, CHANNELS, RECORDS = (32, 128), (64, 128), 32, 4
KINDS = {"LSTM": (mk.LSTMEncoder, keras.layers.LSTM), "GRU": (mk.GRUEncoder, keras.layers.GRU)}
QUANTIZATIONS = ("float32", "float16", "dynamic", "int8")
Case = tuple[str, int, int, bool]  # kind, steps, units, all states or the last
SPEED_GOAL, SIZE_GOAL, DROP_GOAL = 1.15, 0.30, 0.01
LOOP, FUSED, EXPORT, WHILE, UNROLLED = "loop (ours)", "fused (ours)", "keras export", "keras loop", "keras unrolled"


# One recurrent layer -------------------------------------------------------------------------------------------------


def layer_models(kind: str, steps: int, units: int, sequence: bool) -> dict[str, keras.Model]:
    """Ours, Keras's and Keras's unrolled, with the same weights, from frames to all states or the last one."""
    ours, plain = KINDS[kind]
    encoder = ours(units)
    encoder.build((None, steps, CHANNELS))
    layers: dict[str, Any] = {"ours": encoder}
    for name, unroll in (("keras", False), ("unrolled", True)):
        layers[name] = plain(units, return_sequences=True, unroll=unroll)
        layers[name].build((None, steps, CHANNELS))
        layers[name].set_weights(encoder.get_weights())
    models = {}
    for name, layer in layers.items():
        frames = keras.Input((steps, CHANNELS), name="frames")
        states = layer(frames)
        models[name] = keras.Model(frames, {"states": states if sequence else states[:, -1]})
    return models


def batch_1(model: keras.Model, path: Path, **options: Any) -> None:
    signature = {"frames": tf.TensorSpec((1, *model.input.shape[1:]), tf.float32, name="frames")}
    endpoint = (lambda inputs: model(inputs["frames"], training=False), signature)
    write_tflite(model, path, endpoint=endpoint, **options)


def keras_export(model: keras.Model, path: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.export(path, format="litert", verbose=False)


def compare_layer(folder: Path, case: Case, rounds: int) -> dict[str, dict[str, Any]]:
    kind, steps, units, _ = case
    models = layer_models(*case)
    writers: dict[str, Callable[[Path], None]] = {
        LOOP: lambda path: batch_1(models["ours"], path),
        FUSED: lambda path: batch_1(models["ours"], path, lstm="fused"),
        EXPORT: lambda path: keras_export(models["keras"], path),
        WHILE: lambda path: batch_1(models["keras"], path),
        UNROLLED: lambda path: batch_1(models["unrolled"], path),
    }
    frames = np.random.default_rng(steps + units).normal(size=(RECORDS, steps, CHANNELS)).astype("float32")
    expected = {"states": models["keras"](frames, training=False)["states"].numpy()}
    if kind == "GRU":
        del writers[FUSED]  # LiteRT has such an op for LSTMs alone
    rows = written(folder, writers)
    return measured(rows, {"frames": frames}, expected, rounds)


def written(folder: Path, writers: dict[str, Callable[[Path], None]]) -> dict[str, dict[str, Any]]:
    """Way to its path and size, or to why there is none."""
    rows: dict[str, dict[str, Any]] = {}
    for way, write in writers.items():
        path = folder / f"{way.replace(' ', '_')}.tflite"
        try:
            write(path)
            rows[way] = {"path": path, "bytes": path.stat().st_size}
        except Exception as error:
            rows[way] = {"error": f"not written: {type(error).__name__}"}
    return rows


class Answering:
    """A file in the stock interpreter, one thread, reset before each record."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self.interpreter = Interpreter(str(path), num_threads=1)
        self.run = self.interpreter.get_signature_runner()
        taken = list(self.run.get_input_details())
        # Keras's own export may give its inputs other names.
        self.names = {name: name if name in taken else other for name, other in zip(names, taken, strict=True)}
        self.prepared = False

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self.prepared:
            self.interpreter.reset_all_variables()
        self.prepared = True
        return self.run(**{self.names[name]: value for name, value in inputs.items()})


def measured(
    rows: dict[str, dict[str, Any]], inputs: dict[str, np.ndarray], expected: dict[str, np.ndarray], rounds: int
) -> dict[str, dict[str, Any]]:
    """Run each file over the records, twice, and time all of them in turn."""
    records = [{name: value[row : row + 1] for name, value in inputs.items()} for row in range(RECORDS)]
    ready = {}
    for way, row in rows.items():
        if "path" not in row:
            continue
        try:
            answer = Answering(row["path"], sorted(inputs))
            answers = [answer(record) for record in records * 2]
        except Exception as error:
            row["error"] = "does not run: " + str(error).split(".")[0].split("\n")[0][:60]
            continue
        row["difference"] = max(
            float(np.abs(got - wanted[number % RECORDS]).max())
            for number, output in enumerate(answers)
            for got, wanted in zip(output.values(), expected.values(), strict=True)
        )
        ready[way] = answer
    times: dict[str, list[float]] = {way: [] for way in ready}
    for _ in range(rounds):
        for way, answer in ready.items():
            for record in records:
                start = time.perf_counter()
                answer(record)
                times[way].append(time.perf_counter() - start)
    for way, seconds in times.items():
        rows[way]["ms"] = 1e3 * statistics.median(seconds)
    return rows


# Whole models ---------------------------------------------------------------------------------------------------------


def quickstart_model(epochs: int) -> keras.Model:
    train, valid = (mk.data.clipart().where(split=part) for part in ("train", "valid"))
    keras.utils.set_random_seed(7)
    model = mk.build_model(
        {"title": mk.TextModality(16, optional=True), "image": mk.ImageModality((96, 96), optional=True)},
        {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead()},
        encoders={"title": mk.LSTMEncoder(128), "image": "Conv2DEncoder"},
        fusion="CrossAttentionFusion",
        adapt_to=train,
    )
    mk.fit(model, train, valid, epochs=epochs, verbose=0)
    return model


def compare_model(folder: Path, model: keras.Model, records: int) -> tuple[dict[str, Any], str]:
    """Both ways to write an LSTM (one, where there is none) to its export, and whether Keras's own export runs."""
    train, test = (mk.data.clipart().where(split=part) for part in ("train", "test"))
    done = {}
    recurrent = any(isinstance(layer, mk.LSTMEncoder) for layer in model.layers)
    for lstm in ("loop", "fused") if recurrent else ("loop",):
        options = {"quantize": list(QUANTIZATIONS), "lstm": lstm, "max_metric_drop": 1.0}
        done[lstm] = mk.export(model, folder / lstm, sample=test, sample_size=records, calibration=train, **options)
    rows = written(folder, {EXPORT: lambda path: keras_export(model, path)})
    if "path" in rows[EXPORT]:
        try:
            Interpreter(str(rows[EXPORT]["path"])).get_signature_runner()
            rows[EXPORT]["error"] = "runs"
        except Exception as error:
            rows[EXPORT]["error"] = "does not run: " + str(error).split(".")[0][:60]
    return done, rows[EXPORT]["error"]


# Report --------------------------------------------------------------------------------------------------------------


def verdict(met: bool, text: str) -> str:
    return f"{'met   ' if met else 'MISSED'}  {text}"


def layer_report(results: dict[Case, dict[str, dict[str, Any]]]) -> list[str]:
    lines = [f"{'one layer, float32, 1 thread':34}{'KB':>8}{'p50 ms':>9}{'of loop':>9}{'difference':>12}"]
    for (kind, steps, units, sequence), rows in results.items():
        lines.append(f"{kind}, {steps} steps, {units} units, {'all states' if sequence else 'last state'}")
        for way, row in rows.items():
            size = f"{row['bytes'] / 1e3:8.0f}" if "bytes" in row else f"{'':8}"
            said = (
                f"{row['ms']:9.3f}{row['ms'] / rows[LOOP]['ms']:9.2f}{row['difference']:12.1e}"
                if "ms" in row
                else f"  {row['error']}"
            )
            lines.append(f"  {way:32}{size}{said}")
    pairs = {
        way: [rows[way]["ms"] / rows[LOOP]["ms"] for rows in results.values() if "ms" in rows[way]]
        for way in (WHILE, UNROLLED)
    }
    smallest = all(
        row["bytes"] >= rows[FUSED]["bytes"]
        for rows in results.values()
        if FUSED in rows
        for row in rows.values()
        if "ms" in row
    )
    return [
        *lines,
        "",
        verdict(min(pairs[WHILE]) >= SPEED_GOAL, f"loop against Keras's: {_range(pairs[WHILE])} times (goal 1.15)"),
        verdict(min(pairs[UNROLLED]) >= 1, f"loop against unrolled: {_range(pairs[UNROLLED])} times (goal 1)"),
        verdict(smallest, "fused is the smallest file of those that run, at float32"),
        "",
    ]


def _range(ratios: list[float]) -> str:
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def model_report(title: str, done: dict[str, Any], plain: str) -> list[str]:
    heads = f"{'KB':>8}{'share':>7}{'p50 ms':>9}{'p95':>7}{'MB':>6}{'flips':>7}{'accuracy':>10}{'drop':>9}"
    lines = [f"{title:24}{heads}"]
    shares, sizes = {}, {}
    for lstm, exported in done.items():
        whole = exported.parity["files"]["model.tflite"]["bytes"]
        for facts in exported.parity["files"].values():
            kind = facts["quantize"]
            way = "TFLite" if kind == "float32" else f"TFLite {kind}"
            row = next(r for r in exported.parity["rows"] if r["way"] == way and r["records"] == "all")
            drops = [drop["drop"] for drop in row.get("metric_drops", {}).values()]
            share, times = facts["bytes"] / whole, facts["one_thread"]
            sizes[lstm, kind] = facts["bytes"]
            if lstm == "loop" and kind != "float32":
                shares[kind] = (share, max(drops))
            lines.append(
                f"{lstm + ' ' + kind:24}{facts['bytes'] / 1e3:8.0f}{share:7.2f}{times['p50_ms']:9.3f}{times['p95_ms']:7.2f}"
                f"{facts['peak_memory_mb'] or float('nan'):6.0f}{sum(row['argmax_flips'].values()):7}"
                f"{row['metrics']['subject accuracy']:10.3f}{max(drops, default=0):9.4f}"
            )
    share, drop = min(shares.values())
    larger = [kind for kind in QUANTIZATIONS if sizes.get(("fused", kind), 0) > sizes["loop", kind]]
    goals = [
        verdict(
            share <= SIZE_GOAL and drop <= DROP_GOAL,
            f"smallest quantized file: {share:.2f} of float32 (goal 0.30), metric drop {drop:.4f} (goal 0.01)",
        )
    ]
    if "fused" in done:
        said = f"fused is the smallest at every quantization; not at: {', '.join(larger) or 'none'}"
        goals.append(verdict(not larger, said))
    return [
        *lines,
        f"{'keras export':24}  {plain}",
        "",
        *goals,
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=6, help="of the quickstart's model")
    parser.add_argument("--records", type=int, default=495, help="of the test split")
    parser.add_argument("--run", type=Path, help="the run folder of the demo's model")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in itertools.product(KINDS, STEPS, UNITS, (False, True)):
            place = Path(folder, "-".join(map(str, case)))
            place.mkdir()
            results[case] = compare_layer(place, case, arguments.rounds)
        print("\n".join(layer_report(results)), flush=True)
        models = {"quickstart model": quickstart_model(arguments.epochs)}
        if arguments.run:
            models["demo model"] = keras.saving.load_model(arguments.run / "model.keras")
        for number, (title, model) in enumerate(models.items()):
            place = Path(folder, str(number))
            place.mkdir()
            print("\n".join(model_report(title, *compare_model(place, model, arguments.records))), flush=True)


if __name__ == "__main__":
    main()
