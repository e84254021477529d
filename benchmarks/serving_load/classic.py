"""The loader that tutorials show: Flask, everything by hand, and `model.predict` for each request."""

from __future__ import annotations

import io
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

CODE = "import sys; sys.path.insert(0, {place!r}); from serving_load import classic; classic.serve({folder!r}, {port})"


def code(folder: Path) -> str:
    """The code that serves `model.keras`, with the contract of its export in `clipart/1`."""
    place = str(Path(__file__).resolve().parent.parent)
    return CODE.replace("{place!r}", repr(place)).replace("{folder!r}", repr(str(folder)))


def serve(folder: str, port: int) -> None:
    """Answer `POST /predict` as our loader does."""
    import flask
    import keras
    import numpy as np
    import waitress
    from PIL import Image

    import multimodal_keras.builder  # noqa: F401 (registers every layer for load_model)
    from multimodal_keras.runtime.text import token_ids

    model = keras.saving.load_model(Path(folder, "model.keras"))
    contract = json.loads(Path(folder, "clipart", "1", "contract.json").read_text(encoding="utf-8"))
    text, (height, width) = contract["modalities"]["title"], contract["modalities"]["image"]["size"]
    keys = ("unit", "vocabulary", "sequence_length", "stop_words")
    app = flask.Flask("classic")

    @app.get("/readyz")
    def ready() -> Any:
        return {}

    @app.post("/predict")
    def predict() -> Any:
        body = flask.request.get_json()
        picture = Image.open(io.BytesIO(b64decode(body["image"]["b64"]))).convert("RGBA").convert("RGB")
        inputs = {
            "title": token_ids([body["title"].encode()], **{key: text[key] for key in keys}),
            "title_present": np.array([bool(body["title"])]),
            "image": np.asarray(picture.resize((width, height)), np.uint8)[np.newaxis],
        }
        outputs = model.predict(inputs, verbose=0)
        chances = dict(zip(contract["tasks"]["subject"]["labels"], outputs["subject"][0].tolist(), strict=True))
        label = max(chances, key=chances.__getitem__)
        subject = {"label": label, "probability": chances[label], "probabilities": chances}
        return {"answers": [{"colourful": {"value": float(outputs["colourful"][0, 0])}, "subject": subject}]}

    # With 100 connections, as waitress has it, some of 128 clients would never be answered.
    waitress.serve(app, host="127.0.0.1", port=port, threads=32, connection_limit=512)
