"""Load what was exported, and call it: a folder with a SavedModel, or a TFLite file."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.decoding import decode

CONTRACT, PARITY, SAVEDMODEL, TFLITE = "contract.json", "parity.json", "saved_model.pb", "model.tflite"


class SavedModelArtefact:
    """A SavedModel with its contract. Needs TensorFlow, and nothing else of this package.

    Args:
        folder: with `saved_model.pb` and `contract.json`.

    Attributes:
        contract: what every input and output is.
    """

    def __init__(self, folder: Path) -> None:
        self.contract = read_contract(folder)
        self._tensorflow = importlib.import_module("tensorflow")
        # The loaded object owns the variables: without a reference to it its signatures fail.
        self._loaded = self._tensorflow.saved_model.load(str(folder))

    def call(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Call a signature with one array for each of its inputs, the batch first."""
        specs = self.contract["signatures"][signature]["inputs"]
        tensors = {name: self._tensorflow.constant(inputs[name], dtype=specs[name]["dtype"]) for name in specs}
        return {name: output.numpy() for name, output in self._loaded.signatures[signature](**tensors).items()}

    def predict(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Task to `(batch, outputs)`, for raw values by field."""
        return self.call("serving_default", raw)


class TFLiteArtefact:
    """A TFLite file with its contract. Needs numpy, Pillow and ai-edge-litert, and no TensorFlow.

    Args:
        path: of the file.
        threads: how many the interpreter uses.

    Attributes:
        contract: what every input and output is.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.contract = read_contract(path.parent)
        interpreter = importlib.import_module("ai_edge_litert.interpreter")
        self._interpreter = interpreter.Interpreter(str(path), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner(self.contract["tflite"]["signature"])

    def call(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Call the file record by record: its batch is 1."""
        names = self.contract["tflite"]["inputs"]
        count = len(tensors[min(names)])
        rows = [self._answer({name: tensors[name][row : row + 1] for name in names}) for row in range(count)]
        outputs = self.contract["tflite"]["outputs"]
        return {task: dequantized(np.concatenate([row[task] for row in rows]), outputs[task]) for task in outputs}

    def _answer(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self.contract["tflite"].get("stateful"):
            # The fused LSTM goes on from the last record unless it is told to forget it.
            self._interpreter.reset_all_variables()
        return self._run(**tensors)

    def predict(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Task to `(batch, outputs)`, for raw values by field."""
        return self.call(decode(self.contract, raw))


def dequantized(values: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    """What an output means, `float32`, whether the file answers in floats or in int8 with a scale."""
    facts = spec.get("quantization")
    return values if facts is None else (values.astype(np.float32) - facts["zero_point"]) * np.float32(facts["scale"])


Artefact = SavedModelArtefact | TFLiteArtefact


def is_artefact(path: Path) -> bool:
    """Whether `load` takes this path."""
    return path.suffix == ".tflite" or (path / SAVEDMODEL).exists()


def load(path: str | Path) -> Artefact:
    """Load an exported model.

    Args:
        path: a folder that holds a SavedModel, or a `.tflite` file beside its `contract.json`.

    Returns:
        An object with `contract`, and `predict(raw)` for raw values by field.

    Raises:
        ValueError: if there is no such artefact, or its contract is missing.
    """
    path = Path(path)
    if not path.exists() or not is_artefact(path):
        raise ValueError(
            f"An exported model is a folder with {SAVEDMODEL}, or a .tflite file. Received {str(path)!r}, which is "
            f"{'neither' if path.exists() else 'not there'}. Pass what multimodal_keras.export wrote."
        )
    return TFLiteArtefact(path) if path.suffix == ".tflite" else SavedModelArtefact(path)


def read_contract(folder: Path) -> dict[str, Any]:
    """The contract in a folder."""
    try:
        return json.loads((folder / CONTRACT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"An exported model has its {CONTRACT} beside it. Received {str(folder)!r}, where it cannot be read ({error}). "
            "Copy it along, or export again."
        ) from error
