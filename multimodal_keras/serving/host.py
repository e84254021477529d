"""What the views answer from: the models, the limits, the numbers, and whether the server is stopping."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multimodal_keras.serving.metrics import Metrics, tell_model
from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.records import RecordReader
from multimodal_keras.serving.refusal import Refusal, shorten
from multimodal_keras.serving.status import metadata
from multimodal_keras.serving.stopping import GracefulStop
from multimodal_keras.serving.versions import Versions


@dataclass(frozen=True)
class Served:
    """One version of a model, with what is made of its contract once.

    Attributes:
        model: to call.
        reader: from a client's records to the model's inputs.
        metadata: the answer to `GET /v1/models/<name>/metadata`, as text.
    """

    model: ServedModel
    reader: RecordReader
    metadata: str

    @classmethod
    def load(cls, path: Path, name: str, **options: Any) -> Served:
        """Read a version's folder or file, and warm it up."""
        model = ServedModel(path, name, **options)
        return cls(model, RecordReader(model.contract), json.dumps(metadata(model)))


@dataclass(frozen=True)
class Host:
    """Shared by all views of one application.

    Attributes:
        models: name to versions; the first is asked where a request names none.
        max_records: in one request.
        metrics: what happened.
        stop: whether the server was told to end.
    """

    models: Mapping[str, Versions[Served]]
    max_records: int
    metrics: Metrics
    stop: GracefulStop = field(default_factory=GracefulStop)

    def served(self, name: str | None = None) -> Served:
        """The version of a model that answers now. A request takes it once, and sees it from begin to end.

        Args:
            name: of the model, from the client; None for the first.

        Raises:
            Refusal: 404, if there is no such model.
        """
        name = next(iter(self.models)) if name is None else name
        if name not in self.models:
            raise Refusal(f"There is no model {shorten(name)}. GET /healthz tells which there are.", 404)
        tell_model(name)
        return self.models[name].current

    def now(self) -> list[ServedModel]:
        """The versions of all models that answer now."""
        return [versions.current.model for versions in self.models.values()]

    def check_count(self, count: int) -> None:
        """Refuse more records in one request than the limit."""
        if count > self.max_records:
            raise Refusal(
                f"A request holds at most {self.max_records} records. Received {count}. Send them in several requests."
            )
