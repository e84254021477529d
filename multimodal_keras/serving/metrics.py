"""What happened, for Prometheus: numbers only, nothing that a client sent."""

from __future__ import annotations

import importlib
import time
from typing import Any

import flask

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counts requests and calls of one application, with `prometheus-client`; without that package, nothing."""

    def __init__(self) -> None:
        self._client: Any = None
        try:
            client = self._client = importlib.import_module("prometheus_client")
        except ImportError:
            return
        # A registry of its own, so that two applications in one process do not share their numbers.
        self._registry = client.CollectorRegistry()
        place = {"namespace": "multimodal_keras", "registry": self._registry}
        self._requests = client.Counter(
            "requests", "Requests by their answer's status.", ["endpoint", "model", "status"], **place
        )
        self._seconds = client.Histogram(
            "request_seconds", "From the whole request to its answer.", ["endpoint", "model"], buckets=_BUCKETS, **place
        )
        self._batches = client.Histogram(
            "batch_records", "Records in one call of the model.", ["model"], buckets=_SIZES, **place
        )
        self._waiting = client.Gauge("waiting_records", "Records that wait for the model.", ["model"], **place)

    def watch(self, app: flask.Flask) -> None:
        """Count every request of an application."""
        if self._client is not None:
            app.before_request_funcs.setdefault(None, []).insert(0, self._begin)
            app.after_request(self._end)

    def watch_model(self, name: str, batcher: Any) -> None:
        """Count every call of a model, and what waits for it; its next version goes on counting."""
        if self._client is not None:
            batcher.on_batch = self._batches.labels(name).observe
            self._waiting.labels(name).set_function(lambda: batcher.waiting_records)

    def text(self) -> tuple[bytes, str] | None:
        """The numbers in Prometheus's text format, with its content type; None without the package."""
        if self._client is None:
            return None
        return self._client.generate_latest(self._registry), self._client.CONTENT_TYPE_LATEST

    def _begin(self) -> None:
        flask.g.began = time.perf_counter()

    def _end(self, response: flask.Response) -> flask.Response:
        endpoint = _endpoint(flask.request)
        model = flask.g.get("model", "")
        self._requests.labels(endpoint, model, response.status_code).inc()
        self._seconds.labels(endpoint, model).observe(time.perf_counter() - flask.g.began)
        return response


def tell_model(name: str) -> None:
    """Say which model a request is for, once it is known that there is one."""
    if flask.has_request_context():
        flask.g.model = name


def _endpoint(request: flask.Request) -> str:
    """One of a few names: a client that invents paths must not invent time series."""
    if request.endpoint:
        return request.endpoint
    return "/v1" if request.path.lower().startswith("/v1/") else "other"
