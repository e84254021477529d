"""Records that may be sent as they are: made up by the kind of each field, and accepted by the model."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.serving.model import ServedModel
from multimodal_keras.serving.rest import DEFAULT_SIGNATURE


def suffix_of(number: int) -> str:
    """What stands behind the names of a model's components; nothing for the first."""
    return "" if number == 1 else str(number)


def example_records(contract: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    """The components of the examples of a model; none if a required field cannot be made up.

    Args:
        contract: of the model.
        suffix: of the components' names.
    """
    record = example_record(contract)
    if record is None:
        return {}
    found = {
        "record": ("One record", record),
        "records": ("Several records", {"records": [record, record]}),
    }
    if record.keys() == contract["signatures"][DEFAULT_SIGNATURE]["inputs"].keys():
        found["rows"] = ("By row", {"instances": [record]})
        found["columns"] = ("By column", {"inputs": {name: [value] for name, value in record.items()}})
    return {f"{name}{suffix}": {"summary": summary, "value": value} for name, (summary, value) in found.items()}


def references(model: ServedModel, *names: str) -> dict[str, Any]:
    """`examples` of a body, as far as they can be made up."""
    known = example_records(model.contract, "")
    found = {name: {"$ref": f"#/components/examples/{name}"} for name in names if name.rstrip("0123456789") in known}
    return {"examples": found} if found else {}


def example_record(contract: Mapping[str, Any]) -> dict[str, Any] | None:
    """A record with every field that can be made up; None if a required one cannot."""
    record = {}
    for field, facts in contract["modalities"].items():
        kind = KINDS.get(facts["kind"])
        if kind is not None:
            record[field] = _as_json(kind.sample(facts, 0), kind.is_text)
        elif not facts["optional"]:
            return None
    return record


def _as_json(value: Any, is_text: bool) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8") if is_text else {"b64": base64.b64encode(value).decode("ascii")}
    return [_as_json(cell, True) for cell in value] if isinstance(value, (list, np.ndarray)) else _plain(value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
