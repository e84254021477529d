"""`GET /contract`: what a client has to know to ask, of the version that answers now."""

from __future__ import annotations

import json

import flask

from multimodal_keras.serving.host import Host
from multimodal_keras.serving.replies import json_reply


def add_views(app: flask.Flask, host: Host) -> None:
    """Answer `/contract`, of the first model, and `/contract/<name>` of an application."""

    def contract(name: str | None = None) -> flask.Response:
        model = host.served(name).model
        told = {"model": model.name, "version": str(model.version), "models": list(host.models)}
        return json_reply(json.dumps({**told, "contract": model.contract}, ensure_ascii=False))

    for rule in ("/contract", "/contract/<name>"):
        app.add_url_rule(rule, rule, contract, methods=["GET"], provide_automatic_options=False)
