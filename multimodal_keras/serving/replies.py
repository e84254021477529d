"""Responses: JSON, the headers that all of them have, and what errors become."""

from __future__ import annotations

import json
import logging
from typing import Any

import flask
from werkzeug.exceptions import HTTPException

from multimodal_keras.serving.batcher import RETRY_SECONDS
from multimodal_keras.serving.refusal import Refusal, without_frames

_LOG = logging.getLogger(__name__)


def json_reply(text: str, status: int = 200) -> flask.Response:
    """A response with JSON that is written already."""
    return flask.Response(text, status, content_type="application/json")


def add_headers(response: flask.Response) -> flask.Response:
    """Headers that keep browsers from guessing, framing and keeping answers."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def error_reply(error: Exception) -> Any:
    """What a client is told of an exception: a refusal's own words, and never anybody else's."""
    if isinstance(error, Refusal):
        response = json_reply(json.dumps({"error": error.message}), error.status)
        if error.status == 503:
            response.headers["Retry-After"] = str(RETRY_SECONDS)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if isinstance(error, HTTPException):
        return _http_error(error)
    _LOG.error("A request failed", exc_info=error)
    return json_reply(json.dumps({"error": "The server failed. Its log says why."}), 500)


def forget_routing(_: BaseException | None) -> None:
    """Flask keeps the error of a path that is no route, as all below `/v1` are, in the request that its frames hold."""
    error = flask.request.routing_exception
    if error is not None:
        without_frames(error)


def _http_error(error: HTTPException) -> flask.Response:
    """Flask's own refusals, in words that tell what to do."""
    status = error.code or 500
    sentences = {
        404: "There is no such path. Use POST /predict, GET /, /contract, /healthz, /readyz or /metrics, or /v1/models.",
        405: "This path has another method. Predictions are POST, the rest is GET.",
        413: "A request has a limited size. Received a larger one. Send smaller files, or fewer records.",
    }
    response = json_reply(json.dumps({"error": sentences.get(status, f"{error.name}.")}), status)
    response.headers.extend(
        (key, value) for key, value in error.get_headers() if key.lower() not in ("content-type", "content-length")
    )
    return response
