"""What a TFLite file says about itself: the metadata of TFLite's own schema, made from the contract.

Tools and libraries that know nothing of this package read it. The slots are those of `metadata_schema.fbs`, version 1.0.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from multimodal_keras.exporting.flatbuffer import Table, flatbuffer
from multimodal_keras.runtime.artefacts import CONTRACT
from multimodal_keras.runtime.text import FIRST_ID

_IDENTIFIER, _LEAST_PARSER = b"M001", "1.0.1"
_DESCRIPTIONS, _AXIS_LABELS, _VOCABULARY = np.uint8(1), np.uint8(2), np.uint8(5)
_FEATURE, _IMAGE, _RGB, _NORMALIZATION = np.uint8(1), np.uint8(2), np.uint8(1), np.uint8(1)

_ANSWERS = {
    "classification": "The probability of each label; exactly one applies.",
    "multilabel": "The probability of each label; any number of them apply.",
    "regression": "A value.",
}

Facts = Mapping[str, Any]


def file_texts(contract: Facts) -> dict[str, str]:
    """The files that travel with a model beside its contract: name to text, one label or token a line.

    The line of a token, counted from 0, is its id; padding and what is unknown have the first two. A line break inside of a
    label becomes a space.

    Args:
        contract: of the file.
    """
    lines = {labels_name(task): facts["labels"] for task, facts in contract["tasks"].items() if facts.get("labels")}
    for field, facts in contract["modalities"].items():
        if facts.get("vocabulary"):
            lines[vocabulary_name(field)] = ["[PAD]", "[UNK]", *facts["vocabulary"]]
    return {name: "".join(f"{' '.join(line.splitlines())}\n" for line in lines[name]) for name in sorted(lines)}


def labels_name(task: str) -> str:
    """The name of the file with a task's labels."""
    return f"{task}_labels.txt"


def vocabulary_name(field: str) -> str:
    """The name of the file with a text field's vocabulary."""
    return f"{field}_vocabulary.txt"


def described(contract: Facts, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """The metadata of a file.

    Args:
        contract: of the file.
        inputs: the names of its inputs in the order of its tensors.
        outputs: those of its outputs.

    Returns:
        A flatbuffer of TFLite's metadata schema.
    """
    versions = ", ".join(f"{name} {version}" for name, version in contract["package"].items())
    warning = f" It {contract['tflite']['warning']}." if "warning" in contract["tflite"] else ""
    signature = {2: [_input(contract, name) for name in inputs], 3: [_output(contract, name) for name in outputs]}
    model = {
        0: contract.get("part", "multimodal model"),
        1: f"From {', '.join(sorted(inputs))} to {', '.join(sorted(outputs))}; {CONTRACT} in this file says all. Made "
        f"by {versions}.{warning}",
        3: [signature],
        6: [{0: CONTRACT, 1: "Every input and output, by name.", 2: _DESCRIPTIONS}],
        7: _LEAST_PARSER,
    }
    return flatbuffer(model, _IDENTIFIER)


def _input(contract: Facts, name: str) -> Table:
    spec = contract["tflite"]["inputs"][name]
    facts = contract["modalities"].get(name, {})
    describe = _FIELDS.get(facts.get("kind", ""), _plain)
    return {0: name, 5: _statistics(spec), **describe(name, {**spec, **facts})}


def _plain(name: str, facts: Facts) -> Table:
    said = facts.get("meaning") or f"{facts.get('kind', 'numbers')}{_unit(facts)}"
    if facts.get("columns"):
        columns = sorted(facts["columns"], key=lambda column: column["place"])
        listed = ", ".join(f"{column['place']} {column['name']} ({column['kind']})" for column in columns)
        said = f"{said} by place, from 0: {listed}; {CONTRACT} has more"
    return {1: f"{said[0].upper()}{said[1:]}.", 3: {0: _FEATURE, 1: {}}}


def _image(name: str, facts: Facts) -> Table:
    height, width = facts["size"]
    size = {0: np.uint32(width), 1: np.uint32(height)}
    as_it_is = {0: np.array([0], "float32"), 1: np.array([1], "float32")}
    return {
        1: f"A picture, RGB from 0 to 255, brought to this size by {facts['resize']!r}. Normalised inside the model.",
        3: {0: _IMAGE, 1: {0: _RGB, 1: size}},
        4: [{0: _NORMALIZATION, 1: as_it_is}],
    }


def _audio(name: str, facts: Facts) -> Table:
    return {
        1: f"A sound of {facts['samples']} samples at {facts['sampling_rate']} Hz, one channel, from -1 to 1; of a "
        f"longer one the {facts['crop']}, a shorter one is filled up with zeros. Its spectrum is computed inside the model.",
        3: {0: _FEATURE, 1: {}},
    }


def _text(name: str, facts: Facts) -> Table:
    listed = f"Line n, from 0, is the token of id n; {FIRST_ID} is the first real one."
    vocabulary = [{0: vocabulary_name(name), 1: listed, 2: _VOCABULARY}] if facts["vocabulary"] else None
    return {
        1: f"Ids of the first {facts['sequence_length']} tokens of a text, by the unit {facts['unit']!r}; 0 fills up, 1 is "
        f"an unknown token. {CONTRACT} holds the code points that are split at and lower-cased.",
        3: {0: _FEATURE, 1: {}},
        6: vocabulary,
    }


_FIELDS: dict[str, Callable[[str, Facts], Table]] = {"audio": _audio, "image": _image, "text": _text}


def _output(contract: Facts, name: str) -> Table:
    spec = contract["tflite"]["outputs"][name]
    task = contract["tasks"].get(name, {})
    said = _ANSWERS.get(task.get("kind", ""), "Numbers.")
    labels = [{0: labels_name(name), 1: "One label a line, in the order of the values.", 2: _AXIS_LABELS}]
    return {
        0: name,
        1: f"{said[:-1]}{_unit(task)}.",
        3: {0: _FEATURE, 1: {}},
        5: None if "quantization" in spec else _statistics(spec),
        6: labels if task.get("labels") else None,
    }


def _unit(facts: Facts) -> str:
    return f", in {facts['unit']}" if facts.get("unit") else ""


def _statistics(spec: Facts) -> Table | None:
    if "range" not in spec:
        return None
    least, most = spec["range"]
    return {0: np.array([most], "float32"), 1: np.array([least], "float32")}
