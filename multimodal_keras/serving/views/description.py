"""`GET /openapi.json`: what may be asked, for programs."""

from __future__ import annotations

import json

import flask

from multimodal_keras.serving.host import Host
from multimodal_keras.serving.openapi import document
from multimodal_keras.serving.replies import json_reply

PATH = "/openapi.json"
NEEDS_KEY = "NEEDS_KEY"


def add_views(app: flask.Flask, host: Host) -> None:
    """Answer `/openapi.json` of an application."""

    def describe() -> flask.Response:
        """Made anew each time, as another version may have come: it costs two milliseconds."""
        found = document(host.now(), host.max_records, needs_key=app.config[NEEDS_KEY])
        return json_reply(json.dumps(found, ensure_ascii=False))

    app.add_url_rule(PATH, PATH, describe, methods=["GET"], provide_automatic_options=False)
