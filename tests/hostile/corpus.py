"""The corpus for one model, and an endless stream of it and its mutations."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from hostile.documents import documents, shapes
from hostile.forms import PATHS, whole_form, wrong_forms
from hostile.mutation import mutated
from hostile.paths import wrong_paths
from hostile.request import FORM, JSON, HostileRequest, dumped, good_record
from hostile.values import odd_values, wrong_values

DEFAULT = "serving_default"


def hostile_requests(contract: Mapping[str, Any], seed: int, model: str = "model") -> Iterator[HostileRequest]:
    """Requests without end: first the corpus in an order of the seed, then mutations of it and of good requests.

    Args:
        contract: of the served model.
        seed: the same one gives the same requests.
        model: its name in the paths.

    Yields:
        Those whose `is_wrong` is true must get a status from 400 to 499; the others may get 200 as well.
    """
    dice = random.Random(seed)
    cases = list(corpus(contract, model))
    dice.shuffle(cases)
    yield from cases
    good = list(good_requests(contract, model))
    while True:
        yield mutated(dice.choice(good if dice.random() < 0.5 else cases), dice)


def good_requests(contract: Mapping[str, Any], model: str = "model") -> Iterator[HostileRequest]:
    """The same good record in every form in which it can be sent."""
    record = good_record(contract)
    below = f"/v1/models/{model}:predict"
    yield HostileRequest("POST", "/predict", JSON, dumped(record), "a record", False)
    yield HostileRequest("POST", "/predict", JSON, dumped({"records": [record] * 3}), "records", False)
    yield HostileRequest("POST", below, JSON, dumped({"instances": [record] * 2}), "rows", False)
    columns = {name: [value] * 2 for name, value in record.items()}
    yield HostileRequest("POST", below, JSON, dumped({"inputs": columns}), "columns", False)
    specs = contract["signatures"][DEFAULT]["inputs"]
    if all(spec["dtype"] == "string" for spec in specs.values()):
        yield HostileRequest("POST", "/api/multimodal", FORM, whole_form(contract, record), "a form", False)


def corpus(contract: Mapping[str, Any], model: str = "model") -> Iterator[HostileRequest]:
    """Every case once.

    Args:
        contract: of the served model.
        model: its name in the paths.
    """
    below = f"/v1/models/{model}:predict"
    for name, body in documents():
        for path in ("/predict", below):
            yield HostileRequest("POST", path, JSON, body, f"{path}: {name}")
    for key, path in (("records", "/predict"), ("instances", below), ("inputs", below)):
        for name, body in shapes(key):
            yield HostileRequest("POST", path, JSON, body, f"{path}: {name}")
    yield from _of_fields(contract, below)
    yield from wrong_forms(contract, good_record(contract))
    yield from wrong_paths(model)
    yield from _of_signatures(contract, below)


def _of_fields(contract: Mapping[str, Any], below: str) -> Iterator[HostileRequest]:
    """One wrong field in a record that is right otherwise, alone and behind a good one."""
    good = good_record(contract)
    for field, facts in contract["modalities"].items():
        spec = contract["signatures"][DEFAULT]["inputs"][field]
        for is_wrong, values in (
            (True, wrong_values(facts, spec, good[field])),
            (False, odd_values(facts, spec)),
        ):
            for number, (name, value) in enumerate(values):
                bad = {**good, field: value}
                plain, rows = {"records": [good, bad]} if number % 2 else bad, {"instances": [good, bad]}
                yield HostileRequest("POST", PATHS[number % 2], JSON, dumped(plain), f"{field}: {name}", is_wrong)
                yield HostileRequest("POST", below, JSON, dumped(rows), f"{field} of a row: {name}", is_wrong)


def _of_signatures(contract: Mapping[str, Any], below: str) -> Iterator[HostileRequest]:
    rows = {"instances": [good_record(contract)]}
    for name, signature in {
        "unknown": "nobody_knows",
        "of a number": 1,
        "of null": None,
        "of an array": [DEFAULT],
        "of a path": "../../etc/passwd",
        "of half a surrogate": "\ud800",
        "long": "s" * 100_000,
    }.items():
        body = dumped({**rows, "signature_name": signature})
        yield HostileRequest("POST", below, JSON, body, f"signature {name}")
    for name, spec in contract["signatures"].get("tensors", {"inputs": {}})["inputs"].items():
        for value in ([], [[]], {}, "a", [1e400], [None], [[[[[[1]]]]]], [2**40]):
            body = dumped({"inputs": {name: value}, "signature_name": "tensors"})
            yield HostileRequest("POST", below, JSON, body, f"tensor {name} of {spec['dtype']}")
