"""TensorFlow Serving's predict request and its answer, from bytes to arrays and from arrays to text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimodal_keras.serving.parsing import Array, is_base64, parse_array
from multimodal_keras.serving.refusal import Refusal, json_type, shorten
from multimodal_keras.serving.writing import write_array

DEFAULT_SIGNATURE = "serving_default"
ROWS, COLUMNS = "instances", "inputs"

Specs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class PredictRequest:
    """What a client asked for.

    Attributes:
        signature: its name.
        form: `"instances"` (by row) or `"inputs"` (by column).
        inputs: input to its array, the batch first.
        count: records in the batch.
    """

    signature: str
    form: str
    inputs: dict[str, Array]
    count: int


def parse_predict(body: Mapping[str, Any], signatures: Mapping[str, Mapping[str, Specs]]) -> PredictRequest:
    """Read a predict request.

    Args:
        body: with exactly one of `instances` and `inputs`, and perhaps `signature_name`; other keys are ignored.
        signatures: name to `inputs` and `outputs`, each name to `shape` and `dtype`.

    Returns:
        `PredictRequest`.

    Raises:
        Refusal: for an unknown signature, or values that its inputs do not take.
    """
    name = body.get("signature_name", DEFAULT_SIGNATURE)
    if type(name) is not str:
        raise Refusal(f"'signature_name' key must be a string value. Received {json_type(name)}.")
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        known = ", ".join(sorted(signatures))
        raise Refusal(f"Serving signature name: {shorten(name)} not found in signature def. It has {known}.")
    given = [form for form in (ROWS, COLUMNS) if form in body]
    if not given:
        raise Refusal(f"Missing '{COLUMNS}' or '{ROWS}' key. Send one of them.")
    if len(given) > 1:
        raise Refusal(f"Only one of '{COLUMNS}' and '{ROWS}' is expected. Received both. Leave one out.")
    specs = signatures[name]["inputs"]
    inputs = _columns(_rows(body[ROWS], specs), specs, ROWS) if given == [ROWS] else _by_column(body[COLUMNS], specs)
    counts = {len(array) for array in inputs.values()}
    if len(counts) != 1 or counts == {0}:
        raise Refusal("All inputs hold the same number of records, at least one. Received others.")
    return PredictRequest(name, given[0], inputs, counts.pop())


def _rows(rows: Any, specs: Specs) -> dict[str, list[Any]]:
    if type(rows) is not list or not rows:
        received = "an empty array" if rows == [] else json_type(rows)
        raise Refusal(f"'{ROWS}' is an array of at least one value. Received {received}.")
    named = _is_named(rows[0])
    if not named and len(specs) > 1:
        raise Refusal(
            f"'{ROWS}' must be objects with the keys {', '.join(sorted(specs))}. Received {json_type(rows[0])}."
        )
    for number, row in enumerate(rows):
        if _is_named(row) != named:
            raise Refusal(f"{ROWS}[{number}]: all of them are objects, or none is. Received a mixture.")
        if named and row.keys() != specs.keys():
            raise Refusal(
                f"{ROWS}[{number}]: the keys must be equal to: {', '.join(sorted(specs))}. {_keys(row, specs)}"
            )
    return {name: [row[name] if named else row for row in rows] for name in specs}


def _is_named(row: Any) -> bool:
    return type(row) is dict and not is_base64(row)


def _keys(row: Mapping[str, Any], specs: Specs) -> str:
    missing = sorted(specs.keys() - row.keys())
    unknown = [shorten(name) for name in sorted(row.keys() - specs.keys())[:5]]
    parts = [f"missing: {', '.join(missing)}" if missing else "", f"unknown: {', '.join(unknown)}" if unknown else ""]
    return f"Received others ({'; '.join(filter(None, parts))})."


def _by_column(value: Any, specs: Specs) -> dict[str, Array]:
    if _is_named(value):
        missing = sorted(specs.keys() - value.keys())
        if missing:
            raise Refusal(f"Missing named input: {', '.join(missing)} in '{COLUMNS}' object.")
        return _columns({name: value[name] for name in specs}, specs, COLUMNS)
    if len(specs) > 1:
        raise Refusal(f"'{COLUMNS}' must be an object with {', '.join(sorted(specs))}. Received {json_type(value)}.")
    return _columns(dict.fromkeys(specs, value), specs, COLUMNS)


def _columns(values: Mapping[str, Any], specs: Specs, form: str) -> dict[str, Array]:
    return {name: _column(name, values[name], specs[name], form) for name in specs}


def _column(name: str, values: Any, spec: Mapping[str, Any], form: str) -> Array:
    try:
        return parse_array(values, spec)
    except Refusal as refusal:
        # The whole at once is fast; the row at fault is looked for only when there is one.
        for number, value in enumerate(values if type(values) is list else []):
            try:
                parse_array([value], spec)
            except Refusal as found:
                raise found.at(f"{form}[{number}], input {name}") from None
        raise refusal.at(f"{form}, input {name}") from None


def write_answer(form: str, outputs: Mapping[str, np.ndarray]) -> str:
    """The answer's text.

    Args:
        form: `"instances"` gives `{"predictions": [...]}`, one bare value or object for each record; `"inputs"` gives
            `{"outputs": ...}`, one bare array or an object.
        outputs: name to `(batch, ...)`.

    Returns:
        JSON (with bare NaN and Infinity, as TensorFlow Serving has them).

    Raises:
        Refusal: by row, if an output has no batch, or the batches differ.
    """
    if form == COLUMNS:
        return f'{{"outputs":{_object({name: write_array(name, array) for name, array in outputs.items()})}}}'
    counts = {len(array) if array.ndim else -1 for array in outputs.values()}
    if len(counts) != 1 or -1 in counts:
        raise Refusal(f"Outputs without one common batch have no rows. Send '{COLUMNS}' instead of '{ROWS}'.")
    rows = (
        _object({name: write_array(name, array[row]) for name, array in outputs.items()}) for row in range(counts.pop())
    )
    return f'{{"predictions":[{",".join(rows)}]}}'


def _object(texts: Mapping[str, str]) -> str:
    """One output bare, several by name."""
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "{" + ",".join(f'"{name}":{texts[name]}' for name in sorted(texts)) + "}"
