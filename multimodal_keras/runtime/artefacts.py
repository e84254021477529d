"""Load what was exported, and call it: a folder with a SavedModel, or a TFLite file."""

from __future__ import annotations

import importlib
import json
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multimodal_keras.runtime.decoding import RawDecoder
from multimodal_keras.runtime.predicting import Predictor
from multimodal_keras.runtime.signatures import EXPLAIN, RAW, offered_signatures

CONTRACT, PARITY, SAVEDMODEL, TFLITE = "contract.json", "parity.json", "saved_model.pb", "model.tflite"


class SavedModelArtefact(Predictor):
    """A SavedModel with its contract. Needs TensorFlow, and nothing else of this package.

    Args:
        folder: with `saved_model.pb` and `contract.json`.

    Attributes:
        contract: what every input and output is.
    """

    def __init__(self, folder: Path) -> None:
        self.contract = read_contract(folder)
        self._tensorflow = importlib.import_module("tensorflow")
        _load_operations(self.contract)
        # The loaded object owns the variables: without a reference to it its signatures fail.
        self._loaded = self._tensorflow.saved_model.load(str(folder))

    def call(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Call a signature with one array for each of its inputs, the batch first."""
        specs = self.contract["signatures"][signature]["inputs"]
        tensors = {name: self._tensorflow.constant(inputs[name], dtype=specs[name]["dtype"]) for name in specs}
        return {name: output.numpy() for name, output in self._loaded.signatures[signature](**tensors).items()}

    def outputs(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Task to `(batch, outputs)`, for raw values by field."""
        return self.call(RAW, raw)

    @property
    def explains(self) -> bool:
        """Whether there is the signature `explain`."""
        return EXPLAIN in self.contract["signatures"]

    def explained(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """What `outputs` answers, with `<task>_contributions` and `<task>_baseline` beside each task."""
        return self.call(EXPLAIN, raw)


def _load_operations(contract: Mapping[str, Any]) -> None:
    """Load what TensorFlow alone has no ops for."""
    if not any(facts.get("compressed") for facts in contract["modalities"].values()):
        return
    try:
        importlib.import_module("tensorflow_io").audio.decode_flac  # noqa: B018 (this loads the ops)
    except (ImportError, AttributeError, NotImplementedError) as error:
        raise ValueError(
            "This SavedModel decodes FLAC, Ogg and MP3 by tensorflow-io, which loads beside TensorFlow 2.16. Received "
            f"{error}. Run: pip install 'multimodal-keras[io]', or use the .tflite file, which needs soundfile only."
        ) from None


class TFLiteArtefact(Predictor):
    """A TFLite file with its contract. Needs numpy, Pillow and ai-edge-litert, and no TensorFlow.

    Any thread may call it. They decode side by side, and take turns at the interpreter, which has one set of buffers.

    Args:
        path: of the file.
        threads: how many the interpreter itself uses.

    Attributes:
        contract: what every input and output is.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"threads is 1 or more. Received {threads!r}. Leave it out for 1.")
        contract = read_contract(path)
        self.contract = {**contract, "signatures": offered_signatures(contract)}
        interpreter = importlib.import_module("ai_edge_litert.interpreter")
        self._interpreter = interpreter.Interpreter(str(path), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner(self.contract["tflite"]["signature"])
        self._explain: Any = None
        self._decoder = RawDecoder(self.contract)
        self._turn = threading.Lock()

    def call(self, tensors: Mapping[str, np.ndarray], *, explain: bool = False) -> dict[str, np.ndarray]:
        """Call the file record by record: its batch is 1. With `explain`, its signature that tells contributions."""
        names = self.contract["tflite"]["inputs"]
        outputs = self.contract["tflite"][EXPLAIN]["outputs"] if explain else self.contract["tflite"]["outputs"]
        count = len(tensors[min(names)])
        with self._turn:
            self._check_open()
            run = self._explaining() if explain else self._run
            rows = [self._answer(run, {name: tensors[name][row : row + 1] for name in names}) for row in range(count)]
        return {name: dequantized(np.concatenate([row[name] for row in rows]), outputs[name]) for name in outputs}

    def _answer(self, run: Any, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self.contract["tflite"].get("stateful"):
            # The fused LSTM goes on from the last record unless it is told to forget it.
            self._interpreter.reset_all_variables()
        return run(**tensors)

    def _explaining(self) -> Any:
        """The second signature, which takes memory from its first use on."""
        if self._explain is None:
            self._explain = self._interpreter.get_signature_runner(self.contract["tflite"][EXPLAIN]["signature"])
        return self._explain

    def outputs(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Task to `(batch, outputs)`, for raw values by field."""
        return self.call(self.decode(raw))

    @property
    def explains(self) -> bool:
        """Whether the file has a second signature that tells contributions."""
        return EXPLAIN in self.contract["tflite"]

    def explained(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """What `outputs` answers, with `<task>_contributions` and `<task>_baseline` beside each task."""
        return self.call(self.decode(raw), explain=True)

    def decode(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The tensors that `call` takes, for raw values by field; see `runtime.decoding.RawDecoder`."""
        return self._decoder(raw)

    def _check_open(self) -> None:
        if self._run is None:
            raise ValueError("A closed model answers no more. Received a call after close(). Load it again.")

    def close(self) -> None:
        """Free the interpreter's memory, as the end of a `with` block does. A later call raises `ValueError`."""
        with self._turn:
            self._interpreter = self._run = self._explain = None


def dequantized(values: np.ndarray, spec: Mapping[str, Any]) -> np.ndarray:
    """What an output means, `float32`, whether the file answers in floats or in int8 with a scale."""
    facts = spec.get("quantization")
    return values if facts is None else (values.astype(np.float32) - facts["zero_point"]) * np.float32(facts["scale"])


Artefact = SavedModelArtefact | TFLiteArtefact


def is_artefact(path: Path) -> bool:
    """Whether `load` takes this path."""
    return path.suffix == ".tflite" or (path / SAVEDMODEL).exists()


def load(path: str | Path, *, threads: int | None = None) -> Artefact:
    """Load an exported model.

    Args:
        path: a folder that holds a SavedModel, or a `.tflite` file.
        threads: how many a TFLite file's interpreter uses, 1 if left out. TensorFlow chooses for itself.

    Returns:
        `contract` tells what every input and output is; `predict(records)` answers records, `outputs(raw)` raw values by
        field; `close()` frees the memory, as does a `with` block at its end.

    Raises:
        ValueError: if there is no such artefact, its contract is missing, or threads are given for a SavedModel.
    """
    path = Path(path)
    if not path.exists() or not is_artefact(path):
        raise ValueError(
            f"An exported model is a folder with {SAVEDMODEL}, or a .tflite file. Received {str(path)!r}, which is "
            f"{'neither' if path.exists() else 'not there'}. Pass what multimodal_keras.export wrote."
        )
    if path.suffix == ".tflite":
        return TFLiteArtefact(path, 1 if threads is None else threads)
    if threads is not None:
        raise ValueError(f"threads are for a TFLite file. Received {threads} for {str(path)!r}. Leave them out.")
    return SavedModelArtefact(path)


def read_contract(path: Path) -> dict[str, Any]:
    """The contract in a folder, or inside a TFLite file."""
    try:
        if path.is_dir():
            return json.loads((path / CONTRACT).read_text(encoding="utf-8"))
        with zipfile.ZipFile(path) as files:
            return json.loads(files.read(CONTRACT))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"An exported model has its {CONTRACT}: in its folder, or inside the TFLite file. Received {str(path)!r}, "
            f"where it cannot be read ({error}). Export it again."
        ) from error
