"""schemathesis against a real model: what the document says is what the server does, for right and wrong requests."""

from __future__ import annotations

import base64
import io
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import waitress
from hypothesis import strategies
from PIL import Image
from schemathesis.engine import events, from_schema

import multimodal_keras as mk
from multimodal_keras.serving.access import new_key

SEED = 20_240_501
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")


def config(examples: int, headers: dict[str, str] | None = None) -> Any:
    """Few examples, the same in every run."""
    return schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
            "headers": headers or {},
            "continue-on-failure": True,
            # TensorFlow Serving answers 400, and not 405, to whatever it does not know.
            "operations": [{"include-path-regex": "^/v1/", "checks": {"unsupported_method": {"enabled": False}}}],
        }
    )


@pytest.fixture(scope="module", autouse=True)
def files(pictures: list[bytes]) -> None:
    """What "the content of a picture" in the document means: real drawings, in each kind of file."""
    written: dict[str, list[bytes]] = {kind: [] for kind in FORMATS}
    for picture in pictures[:2]:
        small = Image.open(io.BytesIO(picture)).convert("RGB").resize((24, 18))
        for kind, found in written.items():
            file = io.BytesIO()
            small.save(file, kind)
            found.append(file.getvalue())
    every = [content for found in written.values() for content in found]
    encoded = [base64.b64encode(content).decode("ascii") for content in every]
    schemathesis.openapi.format("base64-image", strategies.sampled_from(encoded))
    for kind, found in written.items():
        schemathesis.openapi.media_type(f"image/{kind.lower()}", strategies.sampled_from(found))


def without_tensors(schema: Any) -> Any:
    """Hypothesis makes no arrays of hundreds of numbers in time: `tensors` has a test of its own."""
    predict = schema.raw_schema["components"]["schemas"]["Predict"]
    predict["anyOf"] = [
        form for form in predict["anyOf"] if form["properties"]["signature_name"] != {"const": "tensors"}
    ]
    return schema


def failures(schema: Any) -> tuple[list[str], Counter[tuple[str, int]]]:
    """Run every phase.

    Returns:
        What is wrong, and how often each operation answered with each status.
    """
    found, statuses = [], Counter[tuple[str, int]]()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            found.append(f"{event}")
        if not isinstance(event, events.ScenarioFinished):
            continue
        recorder = event.recorder
        for interaction in recorder.interactions.values():
            if interaction.response is not None:
                statuses[recorder.label, interaction.response.status_code] += 1
        for case, checks in recorder.checks.items():
            for check in checks:
                if check.failure_info and not is_beyond_schemas(check, recorder.cases[case].value):
                    failure = check.failure_info
                    found.append(
                        f"{recorder.label}: {failure.failure.title}: {failure.failure.message}\n{failure.code_sample}"
                    )
    return found, statuses


def is_beyond_schemas(check: Any, case: Any) -> bool:
    """Columns are of one length, and no schema can say so."""
    if check.name != "positive_data_acceptance" or not isinstance(case.body, dict):
        return False
    columns = case.body.get("inputs", {})
    return len({len(columns[field]) for field in ("title", "image") if field in columns}) > 1


def check(found: list[str], statuses: Counter[tuple[str, int]]) -> None:
    assert not found, "\n\n".join(found[:5])
    for path in ("POST /predict", "POST /api/multimodal", "POST /v1/models/drawings:predict"):
        assert statuses[path, 200] >= 10, statuses
        assert statuses[path, 400] >= 10, statuses


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The address of an application behind waitress, in a thread of this process."""
    sockets: dict[int, Any] = {}
    server = waitress.create_server(app, map=sockets, host="127.0.0.1", port=0, clear_untrusted_proxy_headers=True)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}/openapi.json"
    finally:
        # Without its sockets the loop of waitress ends.
        for channel in list(sockets.values()):
            channel.close()
        server.task_dispatcher.shutdown()
        thread.join(30)


def test_a_savedmodel(app: Any) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config(30))
    check(*failures(without_tensors(schema)))


def test_a_tflite_file(lite: Any) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", lite.application, config=config(10))
    check(*failures(without_tensors(schema)))


def test_with_keys(exported: Path, tmp_path: Path) -> None:
    """Without a key, with a wrong one and with the right one, over a socket."""
    headers = {"Authorization": f"Bearer {new_key('me', tmp_path / 'keys.txt')}"}
    with listening(mk.serving.create_app(exported, api_keys=tmp_path / "keys.txt")) as url:
        schema = schemathesis.openapi.from_url(url, config=config(4, headers), headers=headers)
        found, statuses = failures(without_tensors(schema))
    check(found, statuses)
    assert statuses["POST /predict", 401] >= 1
    assert not statuses["GET /healthz", 401]
