"""Whether clients of one export can use another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from multimodal_keras.runtime.artefacts import SAVEDMODEL, read_contract
from multimodal_keras.runtime.compatibility import (
    BOTH,
    DEVICE,
    RAW,
    Difference,
    answer_differences,
    decoding_differences,
    device_differences,
    signature_differences,
)

FORMAT = 1
_HOLDS = {RAW: "SavedModel", DEVICE: "TFLite file"}


@dataclass(frozen=True)
class Promise:
    """What an export promises.

    Attributes:
        contract: its contract.
        clients: whom it is for: `"raw"` where there is a SavedModel, `"device"` where there is a TFLite file.
        files: the contract of each TFLite file in a folder, by name; nothing for a single file.
    """

    contract: dict[str, Any]
    clients: tuple[str, ...]
    files: dict[str, dict[str, Any]]


def read_promise(path: str | Path) -> Promise:
    """Read an exported folder, a `.tflite` file, or a `contract.json`; the last is for the clients whose part it has.

    Raises:
        ValueError: if there is no contract, or one of a format that this version does not know.
    """
    path = Path(path)
    if path.suffix == ".json":
        contract = _read_json(path)
        clients = tuple(kind for kind, key in ((RAW, "signatures"), (DEVICE, "tflite")) if key in contract)
        files = {}
    else:
        contract = read_contract(path)
        found = sorted(path.rglob("*.tflite")) if path.is_dir() else []
        files = {file.relative_to(path).as_posix(): read_contract(file) for file in found}
        has = {RAW: (path / SAVEDMODEL).exists(), DEVICE: bool(files) or path.is_file()}
        clients = tuple(kind for kind in BOTH if has[kind])
    if contract.get("format") != FORMAT:
        raise ValueError(
            f"Contracts of format {FORMAT} are compared. Received {str(path)!r} of format {contract.get('format')!r}. "
            "Use the version of this package that wrote it."
        )
    return Promise(contract, clients, files)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"A contract is a JSON file that export wrote. Received {str(path)!r}, which cannot be read ({error}). Pass an "
            "export, a .tflite file, or its contract.json."
        ) from error
    return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class Comparison:
    """Two exports, compared.

    Attributes:
        differences: all of them, those that break nobody as well.
        deciding: the clients that the old export has.
    """

    differences: tuple[Difference, ...]
    deciding: tuple[str, ...]

    def broken_by(self, clients: str) -> list[Difference]:
        """The differences that break these clients."""
        return [difference for difference in self.differences if clients in difference.breaks]

    @property
    def compatible(self) -> bool:
        """Whether all clients that the old export has can use the new one."""
        return not any(self.broken_by(clients) for clients in self.deciding)

    def to_json(self) -> dict[str, Any]:
        """`compatible`, for `raw` and `device` clients `compatible` and `decides`, and `differences`."""
        verdicts = {
            clients: {"compatible": not self.broken_by(clients), "decides": clients in self.deciding}
            for clients in BOTH
        }
        return {"compatible": self.compatible, **verdicts, "differences": [asdict(found) for found in self.differences]}

    def __str__(self) -> str:
        lines = [str(difference) for difference in self.differences] or ["no difference that a client could see"]
        for clients in BOTH:
            count = len(self.broken_by(clients))
            verdict = "cannot use the new one" if count else "can use the new one"
            decides = "" if clients in self.deciding else f" (decides nothing: the old one has no {_HOLDS[clients]})"
            lines.append(f"{clients} clients {verdict}{decides}")
        return "\n".join(lines)


def compare(old: Promise, new: Promise) -> Comparison:
    """Compare what two exports promise.

    Args:
        old: what clients were written for.
        new: what shall take its place.
    """
    before, after = old.contract, new.contract
    found = [*decoding_differences(before, after), *answer_differences(before, after)]
    if RAW in old.clients and RAW not in new.clients:
        found.append(Difference("signatures", "removed: there is no SavedModel", (RAW,)))
    elif RAW in old.clients:
        found += signature_differences(before, after)
    return Comparison((*found, *_device(old, new)), old.clients)


def _device(old: Promise, new: Promise) -> list[Difference]:
    if DEVICE in old.clients and DEVICE not in new.clients:
        return [Difference("tflite", "removed: there is no TFLite file", (DEVICE,))]
    if not (old.files and new.files):
        both = "tflite" in old.contract and "tflite" in new.contract
        return list(device_differences("tflite", old.contract, new.contract)) if both else []
    found: list[Difference] = []
    for name, contract in old.files.items():
        if name in new.files:
            found += device_differences(name, contract, new.files[name])
        else:
            found.append(Difference(name, "removed", (DEVICE,)))
    return found + [Difference(name, "added", ()) for name in new.files if name not in old.files]
