#!/usr/bin/env python3
"""Ask the model over gRPC. Needs: pip install grpcio tensorflow-serving-api."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

TARGET = "localhost:8500"
MODEL = "@MODEL@"
# Field to its form (a text, a file, or an array of numbers or strings), shape, dtype, its columns if it has some, and
# whether a record may lack it.
FIELDS: Any = "@FIELDS@"
# Task to its labels, in the order of the model's numbers; None where the numbers are values.
TASKS: Any = "@TASKS@"

READ: Any = {"text": str, "file": lambda path: Path(path).read_bytes(), "array": json.loads}


def predict(records: list[dict[str, Any]], target: str = TARGET, timeout: float = 60.0) -> list[dict[str, Any]]:
    """Answer records.

    Args:
        records: field to a text, the bytes of a file, an array, or (where a field has columns) a dict of column to cell; an
            optional field may be left out.
        target: host and port of the server.
        timeout: in seconds.

    Returns:
        For each record task to numbers, by label where the task has labels.

    Raises:
        ValueError: if a required field is missing.
        grpc.RpcError: if the server refuses a record (`INVALID_ARGUMENT`), or cannot be reached (`UNAVAILABLE`).
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.model_spec.signature_name = "serving_default"
    for field, facts in FIELDS.items():
        values = [sent(field, record) for record in records]
        request.inputs[field].CopyFrom(tf.make_tensor_proto(values, dtype=facts["dtype"]))
    with grpc.insecure_channel(target, [("grpc.max_receive_message_length", -1)]) as channel:
        response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=timeout)
    outputs = {task: tf.make_ndarray(response.outputs[task]).tolist() for task in TASKS}
    return [answer({task: rows[number] for task, rows in outputs.items()}) for number in range(len(records))]


def sent(field: str, record: dict[str, Any]) -> Any:
    """A field's value as TensorFlow Serving takes it: an absent one is empty strings or NaN."""
    facts = FIELDS[field]
    value = cells(record.get(field), facts)
    if value is None or value in ("", b""):
        if not facts["optional"]:
            raise ValueError(f"The field {field} is required. Received none. Fill it.")
        value = b"" if facts["dtype"] == "string" else float("nan")
        for size in reversed(facts["shape"][1:]):
            value = [value] * (size or 1)
    return value.encode("utf-8") if isinstance(value, str) else value


def cells(value: Any, facts: dict[str, Any]) -> Any:
    """The cells of a field's columns in their order, as texts; any other value as it is."""
    if isinstance(value, dict):
        value = [value.get(column) for column in facts["columns"]]
    if "columns" in facts and isinstance(value, list):
        value = ["" if cell is None else str(cell) for cell in value]
    return value


def answer(row: dict[str, Any]) -> dict[str, Any]:
    """Task to numbers, by label where it has labels."""
    return {
        task: dict(zip(labels, row[task])) if labels else row[task]  # noqa: B905 (older Python has no strict)
        for task, labels in TASKS.items()
    }


def main() -> None:
    """Answer the record on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default=TARGET)
    parser.add_argument(
        "values",
        nargs="*",
        metavar="FIELD=VALUE",
        help=f"a text, the path of a file, or an array in JSON; the fields: {', '.join(FIELDS)}",
    )
    options = parser.parse_args()
    record: dict[str, Any] = {}
    for pair in options.values:
        field, _, value = pair.partition("=")
        if field not in FIELDS:
            parser.error(f"the fields are {', '.join(FIELDS)}, received {field}")
        record[field] = READ[FIELDS[field]["form"]](value)
    try:
        print(json.dumps(predict([record], options.target)[0], indent=1, ensure_ascii=False))
    except grpc.RpcError as error:
        raise SystemExit(f"{error.code().name}: {error.details()}") from error
    except ValueError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
