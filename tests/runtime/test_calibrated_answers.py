"""What a calibrated model's outputs become for people: answers, columns of a table, and their schema. No TensorFlow."""

from __future__ import annotations

from types import SimpleNamespace

import jsonschema
import numpy as np

from multimodal_keras.cli.batch.columns import columns_of
from multimodal_keras.runtime.answers import answers
from multimodal_keras.runtime.comparison import Promise, compare
from multimodal_keras.serving.openapi.answers import answer_schema


def task(kind, name, beside, labels=("cat", "dog")):
    facts = {"kind": kind, "calibration": {"outputs": {what: f"{name}_{what}" for what in beside}, "coverage": 0.9}}
    return facts | ({"labels": list(labels)} if labels else {"unit": "EUR"})


CONTRACT = {
    "modalities": {"title": {"kind": "text", "optional": True, "vocabulary": []}},
    "tasks": {
        "subject": task("classification", "subject", ("set", "accepted")),
        "tags": task("multilabel", "tags", ("set", "accepted")),
        "price": task("regression", "price", ("interval",), labels=None),
    },
    "ood_score": {"method": "energy"},
}
OUTPUTS = {
    "subject": np.array([[0.7, 0.3], [0.4, 0.6]], "float32"),
    "subject_set": np.array([[True, True], [False, False]]),
    "subject_accepted": np.array([True, False]),
    "tags": np.array([[0.7, 0.3], [0.4, 0.6]], "float32"),
    "tags_set": np.array([[True, False], [False, True]]),
    "tags_accepted": np.array([[True, False], [False, False]]),
    "price": np.array([[5.0], [7.0]], "float32"),
    "price_interval": np.array([[4.0, 6.0], [6.0, 8.0]], "float32"),
    "ood_score": np.array([[-1.5], [0.5]], "float32"),
}


def test_answers_have_names_for_labels():
    first, second = answers(CONTRACT, OUTPUTS)
    assert (first["subject"]["set"], first["subject"]["accepted"]) == (["cat", "dog"], True)
    assert (second["subject"]["set"], second["subject"]["accepted"]) == ([], False)
    assert (first["tags"]["labels"], first["tags"]["set"], first["tags"]["accepted"]) == (["cat"], ["cat"], ["cat"])
    assert second["tags"]["accepted"] == []
    assert first["price"] == {"value": 5.0, "unit": "EUR", "interval": [4.0, 6.0]}
    assert first["ood_score"] == {"score": -1.5, "unusual": False}
    assert second["ood_score"] == {"score": 0.5, "unusual": True}


def test_the_schema_takes_exactly_these_answers():
    schema = answer_schema(SimpleNamespace(contract=CONTRACT, signatures={}))
    for answer in answers(CONTRACT, OUTPUTS):
        jsonschema.validate(answer, schema)
    lacking = answers(CONTRACT, OUTPUTS)[0]
    del lacking["subject"]["set"]
    assert not jsonschema.Draft202012Validator(schema).is_valid(lacking)


def test_tables_have_a_column_for_each_output():
    columns = columns_of(CONTRACT, probabilities=False)
    cells = {column.name: column.cell(answers(CONTRACT, OUTPUTS)[0]) for column in columns}
    assert cells == {
        "row": None,
        "price": 5.0,
        "price_interval_low": 4.0,
        "price_interval_high": 6.0,
        "subject": "cat",
        "subject_probability": cells["subject_probability"],
        "subject_set": ["cat", "dog"],
        "subject_accepted": True,
        "tags": ["cat"],
        "tags_set": ["cat"],
        "tags_accepted": ["cat"],
        "ood_score": -1.5,
        "error": None,
    }
    assert {column.kind for column in columns if column.name.startswith("subject_accepted")} == {"flag"}


def test_calibrating_anew_breaks_no_client():
    old = CONTRACT | {"signatures": {}}
    changed = CONTRACT["tasks"]["subject"] | {"calibration": {"outputs": {}, "coverage": 0.8}}
    new = old | {"tasks": CONTRACT["tasks"] | {"subject": changed}}
    assert compare(Promise(old, ("raw",), {}), Promise(new, ("raw",), {})).compatible
