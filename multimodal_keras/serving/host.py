"""What the views answer from: the model, the limits, the numbers, and whether the server is stopping."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multimodal_keras.serving.metrics import Metrics
from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.records import RecordReader
from multimodal_keras.serving.refusal import Refusal
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
    def load(cls, path: Path, name: str | None, **batching: Any) -> Served:
        """Read a version's folder or file, and warm it up."""
        model = ServedModel(path, name, **batching)
        return cls(model, RecordReader(model.contract), json.dumps(metadata(model)))


@dataclass(frozen=True)
class Host:
    """Shared by all views of one application.

    Attributes:
        versions: of the model.
        max_records: in one request.
        metrics: what happened.
        stop: whether the server was told to end.
    """

    versions: Versions[Served]
    max_records: int
    metrics: Metrics
    stop: GracefulStop = field(default_factory=GracefulStop)

    def served(self) -> Served:
        """The version that answers now. A request takes it once, and sees it from begin to end."""
        return self.versions.current

    def check_count(self, count: int) -> None:
        """Refuse more records in one request than the limit."""
        if count > self.max_records:
            raise Refusal(
                f"A request holds at most {self.max_records} records. Received {count}. Send them in several requests."
            )
