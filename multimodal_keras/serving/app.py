"""The Flask application over exported models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

try:
    import flask
except ImportError as missing:
    raise ImportError(
        "Serving needs Flask and waitress. Received an installation without Flask. Run: pip install flask waitress"
    ) from missing

from multimodal_keras.serving.access import Access
from multimodal_keras.serving.costs import MAX_REQUEST_PIXELS, MAX_REQUEST_SECONDS
from multimodal_keras.serving.host import Host, Served
from multimodal_keras.serving.metrics import Metrics
from multimodal_keras.serving.naming import Models, name_models
from multimodal_keras.serving.replies import add_headers, error_reply, forget_routing
from multimodal_keras.serving.uploads import UploadRequest
from multimodal_keras.serving.versions import POLL_SECONDS, Versions
from multimodal_keras.serving.views import contract, description, operations, page, plain, rest

MAX_BODY_BYTES = 32 * 2**20
MAX_RECORDS = 256
STOP = "multimodal_keras_stop"

# A module for each concern. Those of `rest` come before any route.
VIEWS = (rest, plain, operations, contract, description, page)


def create_app(
    models: Models,
    *,
    name: str | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    max_records: int = MAX_RECORDS,
    max_request_pixels: int = MAX_REQUEST_PIXELS,
    max_request_seconds: int = MAX_REQUEST_SECONDS,
    poll_seconds: float = POLL_SECONDS,
    api_keys: str | Path | None = None,
    origins: Sequence[str] = (),
    **batching: Any,
) -> flask.Flask:
    """An application that serves exported models, and needs nothing but their folders.

    TensorFlow Serving's REST paths (`/v1/models/<name>`, `.../versions/<number>`, `.../metadata` and `...:predict`)
    answer as TensorFlow Serving does, for the signatures `serving_default`, `tensors`, `embed` and `explain` of a
    SavedModel, and `serving_default`, `tensors` and, if it was exported with it, `explain` of a TFLite file.

    `POST /predict` (and `/api/multimodal`, the same) is for people. It takes one record as JSON,
    `{"title": "a red cat", "image": {"b64": "..."}}`, several as `{"records": [{...}, {...}]}`, or one as
    `multipart/form-data` with texts as fields and pictures as files. An optional field may be left out. It answers
    `{"answers": [{"subject": {"label": ..., "probability": ..., "probabilities": {...}}}]}`, one for each record.
    With `?contributions=true` each task's answer has `contributions` and `baseline` too, as those of `explain`.

    Of several models, each has versions, a queue and limits of its own. `/v1/models/<name>` and `POST /predict/<name>` name
    the one that is asked; `POST /predict` asks the first.

    `GET /` is a page that asks by `/predict` and makes its form from `GET /contract`, which answers
    `{"model": ..., "version": ..., "models": [...], "contract": {...}}`, or from `/contract/<name>`.

    `GET /healthz` answers `{"status": "ok", "model": ..., "version": ...}` as long as the process lives,
    with `"models": {name: version}` where there are several; `GET /readyz` 503
    from the moment on at which it was told to stop; `GET /metrics` numbers for Prometheus, if `prometheus-client` is there.
    `GET /openapi.json` describes all of this for the served models, as OpenAPI 3.1.

    Whatever is wrong with a request is answered by `{"error": "..."}` and a status of HTTP. Nothing that a client sends
    is taken for a path or an address.

    Args:
        models: a model's folder with version folders, of which the newest is served, also when it comes later (see
            `Versions`); one version folder; or a `.tflite` file. Several of them; or name to path.
        name: of the one model in the paths; by default the folder's, or its parent's where the folder is a version number
            (`exported/clipart/1` is version 1 of `clipart`), and the file's where a `.tflite` file stands alone.
        max_body_bytes: larger requests get 413.
        max_records: requests with more records get 400.
        max_request_pixels: requests whose pictures have more pixels together, by their headers, get 413.
        max_request_seconds: requests whose sounds are longer together, by their headers, get 413.
        poll_seconds: between two looks for a newer version.
        api_keys: a file of hashed keys, made by `multimodal-keras key`; requests without one of them get 401.
        origins: of web pages whose requests browsers may send, such as `https://example.org`.
        **batching: how requests that come at the same time share a call: `max_batch` records in one (32), at most
            `max_waiting` records that wait (128; what is more gets 503 with Retry-After), `timeout_seconds` before a
            request gets 504 (30).

    Returns:
        A WSGI application. Run it by `serve`, or any WSGI server with threads and one process, in which each model is once.

    Raises:
        ValueError: if there is no such model or file of keys, a limit is below 1, or a name has `/` or `:`, or is
            there twice.
        ImportError: without Flask, when this module is imported.
    """
    limits = {"max_request_pixels": max_request_pixels, "max_request_seconds": max_request_seconds}
    if min(max_body_bytes, max_records, *limits.values()) < 1:
        raise ValueError(
            f"max_body_bytes, max_records, {' and '.join(limits)} are at least 1. Received {max_body_bytes!r}, "
            f"{max_records!r}, {' and '.join(map(repr, limits.values()))}. Raise them."
        )
    app = flask.Flask("multimodal_keras.serving", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=max_body_bytes, MAX_FORM_MEMORY_SIZE=max_body_bytes, MAX_FORM_PARTS=100)
    app.config[description.NEEDS_KEY] = api_keys is not None
    app.request_class = UploadRequest
    # Two slashes are another path, and not a redirect to whatever the request calls its host.
    app.url_map.merge_slashes = False
    metrics = Metrics()
    metrics.watch(app)

    def load(name: str, path: Path) -> Served:
        served = Served.load(path, name, **limits, **batching)
        metrics.watch_model(name, served.model.batcher)
        return served

    found = {key: Versions(path, partial(load, key), poll_seconds) for key, path in name_models(models, name).items()}
    host = Host(found, max_records, metrics)
    app.extensions[STOP] = host.stop
    Access(api_keys, origins).guard(app)
    for views in VIEWS:
        views.add_views(app, host)
    app.after_request(add_headers)
    app.teardown_request(forget_routing)
    app.register_error_handler(Exception, error_reply)
    return app
