"""TensorFlow Serving's paths, all below `/v1/`."""

from __future__ import annotations

import json

import flask

from multimodal_keras.serving.host import Host, Served
from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.parsing import parse_object
from multimodal_keras.serving.paths import Target, is_rest, parse_path
from multimodal_keras.serving.refusal import Refusal, shorten
from multimodal_keras.serving.replies import json_reply
from multimodal_keras.serving.rest import parse_predict, write_answer
from multimodal_keras.serving.status import version_status


def add_views(app: flask.Flask, host: Host) -> None:
    """Answer TensorFlow Serving's paths of an application."""
    # Not a route: the whole raw path is matched, in any case, and what is malformed gets 400 and not 404 or 405.
    app.before_request(_Views(host).answer)


class _Views:
    def __init__(self, host: Host) -> None:
        self._host = host

    def answer(self) -> flask.Response | None:
        path = _raw_path()
        if not is_rest(path):
            return None
        target = parse_path(flask.request.method, path)
        served = self._find(target)
        if target.verb == "status":
            return json_reply(json.dumps(version_status(served.model)))
        if target.verb == "metadata":
            return json_reply(served.metadata)
        if target.verb != "predict":
            raise Refusal(
                f"Expected a signature whose method is {target.verb}. The model has signatures for predict only. "
                "Use the verb predict."
            )
        return self._predict(served.model)

    def _find(self, target: Target) -> Served:
        if target.name is None:
            raise Refusal("Missing model name in request.")
        if target.label is not None:
            raise Refusal(f"Unrecognized servable version label: {shorten(target.label)}. This server has no labels.")
        if target.name not in self._host.models:
            raise Refusal(f"Servable not found for request: {shorten(target.name)}", 404)
        served = self._host.served(target.name)
        if target.version not in (None, served.model.version):
            raise Refusal(f"Servable not found for request: {shorten(target.name)}, version {target.version}", 404)
        return served

    def _predict(self, model: ServedModel) -> flask.Response:
        model.batcher.check_room()
        request = parse_predict(parse_object(flask.request.get_data()), model.signatures)
        self._host.check_count(request.count)
        outputs = model.call(request.signature, request.inputs, request.count, request.form)
        return json_reply(write_answer(request.form, outputs))


def _raw_path() -> str:
    """The path as it was sent: a name may hold an encoded slash or colon."""
    raw = flask.request.environ.get("REQUEST_URI") or flask.request.environ.get("RAW_URI") or flask.request.path
    path = str(raw).partition("?")[0]
    return path if path.startswith("/") else flask.request.path
