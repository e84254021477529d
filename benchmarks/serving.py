"""How fast an exported folder is served, against the loader that tutorials show.

One run measures, in alternating rounds on the same machine: Flask with `keras.saving.load_model`, hand-written
preprocessing and `model.predict` per request; `multimodal_keras.serving`; the bare signature; and decoding alone. Both
servers run behind waitress on 127.0.0.1, and the clients are a process of their own. Only ratios within a run mean
something.

    python benchmarks/serving.py --rounds 3
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

START_SECONDS, REQUEST_SECONDS = 300, 120
SIZE, CLIENTS = (96, 96), (1, 32)
HEADERS = {"Content-Type": "application/json"}
GOALS = {"ratio": 20.0, "overhead": 2.0}
CLASSIC, OURS = "classic (predict per request)", "multimodal_keras.serving"


# What is measured ----------------------------------------------------------------------------------------------------


def prepare(folder: Path, count: int) -> None:
    """Write `model.keras`, the export and the requests."""
    import multimodal_keras as mk

    train = mk.data.clipart().where(split="train")
    model = mk.build_model(
        {"title": mk.TextModality(sequence_length=16, optional=True), "image": mk.ImageModality(size=SIZE)},
        {"subject": mk.ClassificationHead()},
        encoders={"title": "LSTMEncoder", "image": "Conv2DEncoder"},
        fusion="CrossAttentionFusion",
        adapt_to=train,
    )
    model.save(folder / "model.keras")
    mk.export(model, folder / "clipart" / "1", sample=train, sample_size=16, tflite=False)
    records = random.Random(7).sample(list(train), count)
    (folder / "requests").mkdir()
    for number, record in enumerate(records):
        content = picture_bytes(Path(train.folder, record["image"]).read_bytes(), jpeg=number % 2 == 1)
        body = {"title": record["title"] or "", "image": {"b64": b64encode(content).decode()}}
        (folder / "requests" / f"{number:03}.json").write_text(json.dumps(body), encoding="utf-8")


def picture_bytes(content: bytes, jpeg: bool) -> bytes:
    """Every second picture as a JPEG."""
    import io

    from PIL import Image

    if not jpeg:
        return content
    file = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGBA").convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


def read_bodies(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "requests").glob("*.json"))]


def serve_classic(folder: Path, port: int) -> None:
    """The baseline: everything by hand, `model.predict` for each request."""
    import io
    from base64 import b64decode

    import flask
    import keras
    import numpy as np
    import waitress
    from PIL import Image

    import multimodal_keras.builder  # noqa: F401 (registers every layer for load_model)
    from multimodal_keras.runtime.text import token_ids

    model = keras.saving.load_model(folder / "model.keras")
    contract = json.loads((folder / "clipart" / "1" / "contract.json").read_text(encoding="utf-8"))
    text = contract["modalities"]["title"]
    keys = ("unit", "vocabulary", "sequence_length", "stop_words")
    app = flask.Flask("classic")

    @app.post("/predict")
    def predict() -> Any:
        body = flask.request.get_json()
        picture = Image.open(io.BytesIO(b64decode(body["image"]["b64"]))).convert("RGBA").convert("RGB")
        pixels = np.asarray(picture.resize((SIZE[1], SIZE[0])), np.uint8)
        inputs = {
            "title": token_ids([body["title"].encode()], **{key: text[key] for key in keys}),
            "title_present": np.array([bool(body["title"])]),
            "image": pixels[np.newaxis],
        }
        chances = model.predict(inputs, verbose=0)["subject"][0]
        return {"answers": [{"subject": contract["tasks"]["subject"]["labels"][int(chances.argmax())]}]}

    waitress.serve(app, host="127.0.0.1", port=port, threads=32)


def serve_ours(folder: Path, port: int) -> None:
    import multimodal_keras as mk

    mk.serving.serve(folder / "clipart" / "1", port=port)


def in_process(folder: Path, count: int) -> tuple[Callable[[], list[float]], Callable[[], list[float]]]:
    """Seconds of the bare signature (which decodes), and of decoding alone, request by request."""
    from base64 import b64decode

    import tensorflow as tf

    import multimodal_keras as mk
    from multimodal_keras.runtime.artefacts import load

    artefact = load(folder / "clipart" / "1")
    image = mk.ImageModality(size=SIZE)
    decode = tf.function(image.decode, input_signature=[tf.TensorSpec([None], tf.string)])
    bodies = [json.loads(body) for body in read_bodies(folder)]
    raw = [(body["title"].encode(), b64decode(body["image"]["b64"])) for body in bodies]

    def timed(call: Callable[[bytes, bytes], Any]) -> list[float]:
        seconds = []
        for number in range(count):
            start = time.perf_counter()
            call(*raw[number % len(raw)])
            seconds.append(time.perf_counter() - start)
        return seconds

    return (
        lambda: timed(lambda title, picture: artefact.outputs({"title": [title], "image": [picture]})),
        lambda: timed(lambda _, picture: decode(tf.constant([picture]))[0].numpy()),
    )


# Who asks ------------------------------------------------------------------------------------------------------------


def ask(folder: Path, port: int, clients: int, count: int) -> dict[str, Any]:
    """Be the clients: each a thread with a connection of its own."""
    bodies, seconds, errors, lock = read_bodies(folder), [], [], threading.Lock()

    def client(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
        for number in range(first, first + count):
            start = time.perf_counter()
            try:
                connection.request("POST", "/predict", bodies[number % len(bodies)], HEADERS)
                response = connection.getresponse()
                correct = response.status == 200 and "answers" in json.loads(response.read())
            except (OSError, ValueError, http.client.HTTPException):
                correct = False
                connection.close()
            with lock:
                (seconds if correct else errors).append(time.perf_counter() - start)

    threads = [threading.Thread(target=client, args=(17 * number,)) for number in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"seconds": seconds, "errors": len(errors), "elapsed": time.perf_counter() - start}


# Putting it together -------------------------------------------------------------------------------------------------


def again(part: str, folder: Path, *values: Any) -> list[str]:
    return [sys.executable, __file__, "--part", part, "--folder", str(folder), "--values", *map(str, values)]


@contextmanager
def server(part: str, folder: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(again(part, folder, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The server {part} did not start.")
            time.sleep(0.2)
        if clients_process(folder, port, 1, 2)["errors"]:
            raise SystemExit(f"The server {part} does not answer.")
        yield port
    finally:
        process.terminate()
        process.wait(60)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def clients_process(folder: Path, port: int, clients: int, count: int) -> dict[str, Any]:
    result = subprocess.run(again("ask", folder, port, clients, count), capture_output=True, check=True)
    return json.loads(result.stdout)


def measure(folder: Path, arguments: argparse.Namespace) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Alternate: every round asks everything once."""
    bare, decoding = in_process(folder, arguments.requests)
    results: dict[tuple[str, int], list[dict[str, Any]]] = {}
    with server("classic", folder) as classic, server("ours", folder) as ours:
        for round_number in range(-1, arguments.rounds):
            for name, timed in (("bare signature, with decode", bare), ("decode alone", decoding)):
                seconds = timed()
                row = {"seconds": seconds, "errors": 0, "elapsed": sum(seconds)}
                results.setdefault((name, 1), []).append(row)
            for clients in CLIENTS:
                for name, port in ((OURS, ours), (CLASSIC, classic)):
                    count = arguments.requests if name == OURS else arguments.classic_requests
                    row = clients_process(folder, port, clients, max(2, count // (4 if clients > 1 else 1)))
                    results.setdefault((name, clients), []).append(row)
            if round_number < 0:  # to warm up
                results = {}
    return results


def summarise(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Medians over the rounds, in milliseconds and requests a second."""
    good = [sorted(row["seconds"]) for row in rows if row["seconds"]] or [[float("nan")]]
    return {
        "p50": 1e3 * statistics.median(seconds[len(seconds) // 2] for seconds in good),
        "p99": 1e3 * statistics.median(seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))] for seconds in good),
        "rate": statistics.median(len(row["seconds"]) / row["elapsed"] for row in rows),
        "errors": sum(row["errors"] for row in rows),
    }


def report(results: dict[tuple[str, int], list[dict[str, Any]]]) -> str:
    table = {key: summarise(rows) for key, rows in results.items()}
    lines = [f"{'way':32}{'clients':>8}{'p50 ms':>10}{'p99 ms':>10}{'requests/s':>12}{'errors':>8}{'ratio':>8}"]
    for (name, clients), row in sorted(table.items(), key=lambda item: (item[0][1], item[0][0])):
        ratio = row["rate"] / table[CLASSIC, clients]["rate"]
        numbers = f"{row['p50']:10.2f}{row['p99']:10.2f}{row['rate']:12.1f}{row['errors']:8.0f}{ratio:8.1f}"
        lines.append(f"{name:32}{clients:8}{numbers}")
    ratio = table[OURS, 1]["rate"] / table[CLASSIC, 1]["rate"]
    # The signature decodes: adding what decoding costs alone would count it twice.
    limit, errors = table["bare signature, with decode", 1]["p50"] + GOALS["overhead"], table[OURS, 32]["errors"]
    goals = [
        (ratio >= GOALS["ratio"], f"{ratio:.1f} times the classic loader at one client (goal {GOALS['ratio']:.0f})"),
        (errors == 0, f"{errors:.0f} errors with 32 clients at once (goal 0)"),
        (
            table[OURS, 1]["p50"] <= limit,
            f"p50 over HTTP {table[OURS, 1]['p50']:.2f} ms (goal {limit:.2f}: signature with decode + 2 ms)",
        ),
    ]
    return "\n".join([*lines, "", *(f"{'met   ' if met else 'MISSED'}  {text}" for met, text in goals)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=80, help="by each client in a round; a quarter by each of 32")
    parser.add_argument("--classic-requests", type=int, default=16, help="the same, to the classic loader")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=("ask", "classic", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--values", type=int, nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "ask":
        print(json.dumps(ask(arguments.folder, *arguments.values)))
    elif arguments.part:
        {"classic": serve_classic, "ours": serve_ours}[arguments.part](arguments.folder, *arguments.values)
    else:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), count=48)
            print(report(measure(Path(folder), arguments)))


if __name__ == "__main__":
    main()
