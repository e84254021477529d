"""A trained model that teaches another one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from multimodal_keras.base import PRESENT, Modality, Parts, parts

_FILE = "model.keras"


class Teacher:
    """A model that answers and does not learn. Not a layer: its weights are no part of what is trained or kept.

    Args:
        source: a model made by `build_model`, a run folder, or a `.keras` file.

    Attributes:
        source: the same, a path as text.
        model: the model.

    Raises:
        ValueError: if there is no model at that path.
    """

    def __init__(self, source: Any) -> None:
        self.source: Any = source if isinstance(source, keras.Model) else str(source)
        self.model: keras.Model = source if isinstance(source, keras.Model) else _load(Path(source))
        self._found = parts(self.model)

    def check(self, student: Parts) -> None:
        """Whether it can teach this student.

        Raises:
            ValueError: if it lacks a task or has other labels, or decodes a field in another way.
        """
        for task, head in student.heads.items():
            mine = self._found.heads.get(task)
            wished, known = _meaning(head.contract()), None if mine is None else _meaning(mine.contract())
            if wished != known:
                raise ValueError(
                    f"A teacher answers the student's tasks with the same labels. Received a teacher whose {task!r} is "
                    f"{known}, not {wished}. Train it on the same task, or give the student's head the teacher's labels."
                )
        for field, modality in student.modalities.items():
            mine = self._found.modalities.get(field)
            if mine is not None:
                _check_same(field, modality, mine)

    def answers(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Its answers to a batch with the fields of teacher and student together."""
        given = {}
        for name in self.model.input:
            if name in inputs:
                given[name] = inputs[name]
                continue
            # What the student may not lack has no presence of its own in the batch.
            given[name] = ops.ones(ops.shape(inputs[name.removesuffix(PRESENT)])[:1], dtype="bool")
        return self.model(given, training=False)

    def digest(self) -> str:
        """A hash of its weights: two teachers with the same one teach the same."""
        found = hashlib.sha256()
        for variable in self.model.variables:
            if "float" in variable.dtype:  # the others are states of random generators
                found.update(np.ascontiguousarray(variable).tobytes())
        return found.hexdigest()


def _load(path: Path) -> keras.Model:
    file = path / _FILE if path.is_dir() else path
    if not file.exists():
        raise ValueError(
            f"A teacher is a model, a run folder, or a .keras file. Received {str(path)!r}, where there is none. "
            "Name one of these."
        )
    return keras.saving.load_model(file)


def _meaning(contract: dict[str, Any]) -> dict[str, Any]:
    """What an answer means: not the mean and deviation of numbers, which are about the records."""
    return {name: contract[name] for name in ("kind", "labels", "unit") if contract.get(name) is not None}


def _check_same(field: str, student: Modality, teacher: Modality) -> None:
    facts = [{**each.contract(), "spec": str(each.tensor_spec())} for each in (student, teacher)]
    if facts[0] != facts[1]:
        raise ValueError(
            f"Teacher and student read the same tensors. Received a teacher that decodes {field!r} otherwise. Build the "
            f"student with the teacher's modality: mk.parts(teacher).modalities[{field!r}]."
        )
    if student.optional and not teacher.optional:
        raise ValueError(
            f"A teacher answers every record. Received one that needs {field!r}, which the student may lack. Declare it "
            "optional in the teacher, or required in the student."
        )
