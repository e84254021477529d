"""`POST /predict`, for people: records in, labels with probabilities out."""

from __future__ import annotations

import json

import flask

from multimodal_keras.runtime.answers import answers
from multimodal_keras.runtime.signatures import EXPLAIN
from multimodal_keras.serving.host import Host
from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.parsing import parse_object
from multimodal_keras.serving.records import RECORDS
from multimodal_keras.serving.refusal import Refusal, shorten
from multimodal_keras.serving.replies import json_reply
from multimodal_keras.serving.rest import DEFAULT_SIGNATURE

PATHS = ("/predict", "/api/multimodal")


def add_views(app: flask.Flask, host: Host) -> None:
    """Answer the plain paths of an application."""
    views = _Views(host)
    for path in PATHS:
        for rule in (path, f"{path}/<name>"):
            app.add_url_rule(rule, rule, views.predict, methods=["POST"], provide_automatic_options=False)


class _Views:
    def __init__(self, host: Host) -> None:
        self._host = host

    def predict(self, name: str | None = None) -> flask.Response:
        request, served = flask.request, self._host.served(name)
        signature = _signature(served.model)
        served.model.batcher.check_room()
        if request.mimetype == "multipart/form-data":
            files = [(field, file.read()) for field, file in request.files.items(multi=True)]
            inputs, count = served.reader.form_inputs(request.form.items(multi=True), files), 1
        else:
            records = served.reader.split(parse_object(request.get_data()))
            count = len(records)
            self._host.check_count(count)
            inputs = served.reader.inputs(records)
        outputs = served.model.call(signature, inputs, count, RECORDS)
        return json_reply(json.dumps({"answers": answers(served.model.contract, outputs)}, ensure_ascii=False))


def _signature(model: ServedModel) -> str:
    """The signature that answers this request: whether it asks for contributions."""
    given = flask.request.args.getlist("contributions") or ["false"]
    if given not in (["true"], ["false"]):
        raise Refusal(f"'contributions' is true or false. Received {shorten(','.join(given))}. Send one of the two.")
    if given == ["false"]:
        return DEFAULT_SIGNATURE
    if EXPLAIN not in model.signatures:
        raise Refusal(
            "Contributions need an export that can tell them. Received contributions=true for one that cannot. Leave it "
            "out, or serve a SavedModel, or a TFLite file that was exported with explain=True."
        )
    return EXPLAIN
