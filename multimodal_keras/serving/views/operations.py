"""What those who run a server ask: is it alive, is it ready, what happened."""

from __future__ import annotations

import json
from typing import Any

import flask

from multimodal_keras.serving.host import Host
from multimodal_keras.serving.refusal import Refusal
from multimodal_keras.serving.replies import json_reply


def add_views(app: flask.Flask, host: Host) -> None:
    """Answer `/healthz`, `/readyz` and `/metrics` of an application."""
    views = _Views(host)
    for path, view in (("/healthz", views.health), ("/readyz", views.ready), ("/metrics", views.numbers)):
        app.add_url_rule(path, path, view, methods=["GET"], provide_automatic_options=False)


class _Views:
    def __init__(self, host: Host) -> None:
        self._host = host

    def health(self) -> flask.Response:
        first, *others = models = self._host.now()
        told: dict[str, Any] = {"status": "ok", "model": first.name, "version": str(first.version)}
        if others:
            told["models"] = {model.name: str(model.version) for model in models}
        return json_reply(json.dumps(told))

    def ready(self) -> flask.Response:
        if self._host.stop.is_stopping:
            raise Refusal("The server is stopping. Send requests to another one.", 503)
        return self.health()

    def numbers(self) -> flask.Response:
        found = self._host.metrics.text()
        if found is None:
            raise Refusal(
                "Numbers need prometheus-client. This server runs without it: pip install prometheus-client", 404
            )
        return flask.Response(found[0], content_type=found[1])
