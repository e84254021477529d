"""The Flask application over one exported model."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multimodal_keras.runtime.answers import answers
from multimodal_keras.serving.access import Access
from multimodal_keras.serving.batcher import RETRY_SECONDS
from multimodal_keras.serving.metrics import Metrics
from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.parsing import parse_object
from multimodal_keras.serving.paths import Target, is_rest, parse_path
from multimodal_keras.serving.records import RECORDS, RecordReader
from multimodal_keras.serving.refusal import Refusal, shorten
from multimodal_keras.serving.rest import DEFAULT_SIGNATURE, parse_predict, write_answer
from multimodal_keras.serving.status import metadata, version_status
from multimodal_keras.serving.stopping import GracefulStop
from multimodal_keras.serving.versions import POLL_SECONDS, Versions

try:
    import flask
    from werkzeug.exceptions import HTTPException
except ImportError as missing:
    raise ImportError(
        "Serving needs Flask and waitress. Received an installation without Flask. Run: pip install flask waitress"
    ) from missing

MAX_BODY_BYTES = 32 * 2**20
MAX_RECORDS = 256
PLAIN_PATHS = ("/predict", "/api/multimodal")
STOP = "multimodal_keras_stop"

_LOG = logging.getLogger(__name__)


def create_app(
    folder: str | Path,
    *,
    name: str | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    max_records: int = MAX_RECORDS,
    poll_seconds: float = POLL_SECONDS,
    api_keys: str | Path | None = None,
    origins: Sequence[str] = (),
    **batching: Any,
) -> flask.Flask:
    """An application that serves one exported model, and needs nothing but its folder.

    TensorFlow Serving's REST paths (`/v1/models/<name>`, `.../versions/<number>`, `.../metadata` and `...:predict`)
    answer as TensorFlow Serving does, for the signatures `serving_default`, `tensors` and `embed` of a SavedModel, and
    `serving_default` and `tensors` of a TFLite file.

    `POST /predict` (and `/api/multimodal`, the same) is for people. It takes one record as JSON,
    `{"title": "a red cat", "image": {"b64": "..."}}`, several as `{"records": [{...}, {...}]}`, or one as
    `multipart/form-data` with texts as fields and pictures as files. An optional field may be left out. It answers
    `{"answers": [{"subject": {"label": ..., "probability": ..., "probabilities": {...}}}]}`, one for each record.

    `GET /healthz` answers `{"status": "ok", "model": ..., "version": ...}` as long as the process lives; `GET /readyz` 503
    from the moment on at which it was told to stop; `GET /metrics` numbers for Prometheus, if `prometheus-client` is there.

    Whatever is wrong with a request is answered by `{"error": "..."}` and a status of HTTP. Nothing that a client sends
    is taken for a path or an address.

    Args:
        folder: a model's folder with version folders, of which the newest is served, also when it comes later (see
            `Versions`); one version folder; or a `.tflite` file.
        name: of the model in the paths; by default the folder's, or its parent's where the folder is a version number
            (`exported/clipart/1` is version 1 of `clipart`).
        max_body_bytes: larger requests get 413.
        max_records: requests with more records get 400.
        poll_seconds: between two looks for a newer version.
        api_keys: a file of hashed keys, made by `multimodal-keras key`; requests without one of them get 401.
        origins: of web pages whose requests browsers may send, such as `https://example.org`.
        **batching: how requests that come at the same time share a call: `max_batch` records in one (32), at most
            `max_waiting` records that wait (48; what is more gets 503 with Retry-After), `timeout_seconds` before a
            request gets 504 (30).

    Returns:
        A WSGI application. Run it by `serve`, or any WSGI server with threads and one process for each model in memory.

    Raises:
        ValueError: if there is no such model or file of keys, a limit is below 1, or the name has `/` or `:`.
        ImportError: without Flask, when this module is imported.
    """
    if min(max_body_bytes, max_records) < 1:
        raise ValueError(
            "max_body_bytes and max_records are at least 1. "
            f"Received {max_body_bytes!r} and {max_records!r}. Raise them."
        )
    app = flask.Flask("multimodal_keras.serving", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=max_body_bytes, MAX_FORM_MEMORY_SIZE=max_body_bytes, MAX_FORM_PARTS=100)
    metrics = Metrics()
    metrics.watch(app)

    def load(path: Path) -> _Served:
        model = ServedModel(path, name, **batching)
        metrics.watch_model(model.name, model.batcher)
        return _Served(model, RecordReader(model.contract), json.dumps(metadata(model)))

    views = _Views(Versions(folder, load, poll_seconds), max_records, metrics)
    app.extensions[STOP] = views.stop
    Access(api_keys, origins).guard(app)
    # Not a route: the whole raw path is matched, in any case, and what is malformed gets 400 and not 404 or 405.
    app.before_request(views.rest)
    for path in PLAIN_PATHS:
        app.add_url_rule(path, path, views.plain, methods=["POST"], provide_automatic_options=False)
    for path, view in (("/healthz", views.health), ("/readyz", views.ready), ("/metrics", views.numbers)):
        app.add_url_rule(path, path, view, methods=["GET"], provide_automatic_options=False)
    app.after_request(_guarded)
    app.register_error_handler(Exception, _error)
    return app


@dataclass(frozen=True)
class _Served:
    """One version, with what is made of its contract once."""

    model: ServedModel
    reader: RecordReader
    metadata: str


class _Views:
    """The answers to requests, over the versions of one model. A request sees one of them from begin to end."""

    def __init__(self, versions: Versions[_Served], max_records: int, metrics: Metrics) -> None:
        self._versions, self._metrics = versions, metrics
        self.stop = GracefulStop()
        self._max_records = max_records

    def health(self) -> flask.Response:
        model = self._versions.current.model
        return _json(json.dumps({"status": "ok", "model": model.name, "version": str(model.version)}))

    def ready(self) -> flask.Response:
        if self.stop.is_stopping:
            raise Refusal("The server is stopping. Send requests to another one.", 503)
        return self.health()

    def numbers(self) -> flask.Response:
        found = self._metrics.text()
        if found is None:
            raise Refusal(
                "Numbers need prometheus-client. This server runs without it: pip install prometheus-client", 404
            )
        return flask.Response(found[0], content_type=found[1])

    def plain(self) -> flask.Response:
        request, served = flask.request, self._versions.current
        if request.mimetype == "multipart/form-data":
            files = [(field, file.read()) for field, file in request.files.items(multi=True)]
            inputs, count = served.reader.form_inputs(request.form.items(multi=True), files), 1
        else:
            records = served.reader.split(parse_object(request.get_data()))
            count = len(records)
            self._check_count(count)
            inputs = served.reader.inputs(records)
        outputs = served.model.call(DEFAULT_SIGNATURE, inputs, count, RECORDS)
        return _json(json.dumps({"answers": answers(served.model.contract, outputs)}, ensure_ascii=False))

    def rest(self) -> flask.Response | None:
        path = _raw_path()
        if not is_rest(path):
            return None
        served = self._versions.current
        target = parse_path(flask.request.method, path)
        _check_target(target, served.model)
        if target.verb == "status":
            return _json(json.dumps(version_status(served.model)))
        if target.verb == "metadata":
            return _json(served.metadata)
        if target.verb != "predict":
            raise Refusal(
                f"Expected a signature whose method is {target.verb}. The model has signatures for predict only. "
                "Use the verb predict."
            )
        return self._predict(served.model)

    def _predict(self, model: ServedModel) -> flask.Response:
        request = parse_predict(parse_object(flask.request.get_data()), model.signatures)
        self._check_count(request.count)
        outputs = model.call(request.signature, request.inputs, request.count, request.form)
        return _json(write_answer(request.form, outputs))

    def _check_count(self, count: int) -> None:
        if count > self._max_records:
            raise Refusal(
                f"A request holds at most {self._max_records} records. Received {count}. Send them in several requests."
            )


def _check_target(target: Target, model: ServedModel) -> None:
    if target.name is None:
        raise Refusal("Missing model name in request.")
    if target.label is not None:
        raise Refusal(f"Unrecognized servable version label: {shorten(target.label)}. This server has no labels.")
    if target.name != model.name:
        raise Refusal(f"Servable not found for request: {shorten(target.name)}", 404)
    if target.version not in (None, model.version):
        raise Refusal(f"Servable not found for request: {shorten(target.name)}, version {target.version}", 404)


def _raw_path() -> str:
    """The path as it was sent: a name may hold an encoded slash or colon."""
    raw = flask.request.environ.get("REQUEST_URI") or flask.request.environ.get("RAW_URI") or flask.request.path
    path = str(raw).partition("?")[0]
    return path if path.startswith("/") else flask.request.path


def _json(text: str, status: int = 200) -> flask.Response:
    return flask.Response(text, status, content_type="application/json")


def _guarded(response: flask.Response) -> flask.Response:
    """Headers that keep browsers from guessing, framing and keeping answers."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _error(error: Exception) -> Any:
    if isinstance(error, Refusal):
        response = _json(json.dumps({"error": error.message}), error.status)
        if error.status == 503:
            response.headers["Retry-After"] = str(RETRY_SECONDS)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if isinstance(error, HTTPException):
        return _http_error(error)
    _LOG.error("A request failed", exc_info=error)
    return _json(json.dumps({"error": "The server failed. Its log says why."}), 500)


def _http_error(error: HTTPException) -> flask.Response:
    """Flask's own refusals, in words that tell what to do."""
    status = error.code or 500
    sentences = {
        404: "There is no such path. Use POST /predict, GET /healthz, /readyz or /metrics, or those below /v1/models.",
        405: "This path has another method. Predictions are POST, the rest is GET.",
        413: "A request has a limited size. Received a larger one. Send smaller files, or fewer records.",
    }
    response = _json(json.dumps({"error": sentences.get(status, f"{error.name}.")}), status)
    response.headers.extend(
        (key, value) for key, value in error.get_headers() if key.lower() not in ("content-type", "content-length")
    )
    return response
