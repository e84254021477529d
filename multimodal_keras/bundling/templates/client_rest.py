#!/usr/bin/env python3
"""Ask the model over REST. Needs Python 3.9 or newer, and nothing else."""

from __future__ import annotations

import argparse
import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

URL = "http://localhost:8501"
MODEL = "@MODEL@"
# Field to its form (a text, a file, or an array of numbers or strings), shape, dtype, its columns if it has some, and
# whether a record may lack it.
FIELDS: Any = "@FIELDS@"
# Task to its labels, in the order of the model's numbers; None where the numbers are values.
TASKS: Any = "@TASKS@"

READ: Any = {"text": str, "file": lambda path: Path(path).read_bytes(), "array": json.loads}


def predict(records: list[dict[str, Any]], url: str = URL, timeout: float = 60.0) -> list[dict[str, Any]]:
    """Answer records.

    Args:
        records: field to a text, the bytes of a file, an array, or (where a field has columns) a dict of column to cell; an
            optional field may be left out.
        url: of the server.
        timeout: in seconds.

    Returns:
        For each record task to numbers, by label where the task has labels.

    Raises:
        ValueError: if a required field is missing, or the server refuses a record; the message is the server's.
        OSError: if the server cannot be reached.
    """
    body = json.dumps({"instances": [instance(record) for record in records]}).encode("utf-8")
    request = urllib.request.Request(
        f"{url}/v1/models/{MODEL}:predict", body, {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            rows = json.load(response)["predictions"]
    except urllib.error.HTTPError as error:
        said = error.read().decode("utf-8", "replace")
        raise ValueError(f"The server refused with status {error.code}: {said}") from error
    return [answer(row) for row in rows]


def instance(record: dict[str, Any]) -> dict[str, Any]:
    """A record as TensorFlow Serving takes it: every field is there, an absent one as empty strings or NaN."""
    sent: dict[str, Any] = {}
    for field, facts in FIELDS.items():
        value = cells(record.get(field), facts)
        if value is None or value in ("", b""):
            if not facts["optional"]:
                raise ValueError(f"The field {field} is required. Received none. Fill it.")
            value = absent(facts)
        sent[field] = {"b64": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else value
    return sent


def cells(value: Any, facts: dict[str, Any]) -> Any:
    """The cells of a field's columns in their order, as texts; any other value as it is."""
    if isinstance(value, dict):
        value = [value.get(column) for column in facts["columns"]]
    if "columns" in facts and isinstance(value, list):
        value = ["" if cell is None else str(cell) for cell in value]
    return value


def absent(facts: dict[str, Any]) -> Any:
    """What stands for a missing value of a field."""
    value: Any = "" if facts["dtype"] == "string" else float("nan")
    for size in reversed(facts["shape"][1:]):
        value = [value] * (size or 1)
    return value


def answer(row: Any) -> dict[str, Any]:
    """Task to numbers. A model of one task answers with the bare numbers."""
    by_task = row if isinstance(row, dict) else dict.fromkeys(TASKS, row)
    return {
        task: dict(zip(labels, by_task[task])) if labels else by_task[task]  # noqa: B905 (older Python has no strict)
        for task, labels in TASKS.items()
    }


def main() -> None:
    """Answer the record on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=URL)
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
        print(json.dumps(predict([record], options.url)[0], indent=1, ensure_ascii=False))
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
