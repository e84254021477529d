"""Templates to files: what is written around the model."""

from __future__ import annotations

import json
import pprint
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multimodal_keras import __version__
from multimodal_keras.bundling.pinned import pinned
from multimodal_keras.bundling.source import SIGNATURE, Source
from multimodal_keras.runtime.kinds import KINDS
from multimodal_keras.runtime.raw import SCALAR, column_names, raw_spec

PACKAGE = "multimodal-keras"
TEMPLATES = Path(__file__).parent / "templates"
# Where each template goes in the bundle, if not to its top.
_PLACES = {name: Path("kubernetes", name) for name in ("deployment.yaml", "service.yaml", "autoscaler.yaml")}
_PROGRAMS = (".py", ".sh")
_FLAGS = [
    "--model_config_file=/config/models.config",
    # A version that is put beside the others is found within a minute, and so is one that is taken away.
    "--file_system_poll_wait_seconds=60",
]
_BATCHING = ["--enable_batching=true", "--batching_parameters_file=/config/batching.config"]
_TENSORFLOW_MEBIBYTES = 1024
_WIDTH = 110
TEXT, FILE, ARRAY = "text", "file", "array"
_TYPED = {TEXT: '"a text"', FILE: "file", ARRAY: "'[...]'"}


def fill_templates(folder: Path, texts: Mapping[str, str], literals: Mapping[str, Any]) -> None:
    """Write every template into a folder.

    Args:
        folder: of the bundle.
        texts: name to what replaces `@NAME@`.
        literals: name to the Python value that replaces `"@NAME@"` with its quotes.
    """
    for template in sorted(TEMPLATES.iterdir()):
        if not template.is_file():
            continue
        text = template.read_text(encoding="utf-8")
        for name, value in texts.items():
            text = text.replace(f"@{name}@", value)
        for name, value in literals.items():
            text = text.replace(f'"@{name}@"', pprint.pformat(value, width=_WIDTH, compact=True))
        path = folder / _PLACES.get(template.name, Path(template.name))
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if template.suffix in _PROGRAMS:
            path.chmod(0o755)


def config_texts(source: Source, image: str, batching: bool, weights: int, records: str) -> dict[str, str]:
    """What configurations and the README are filled with.

    Args:
        source: the model.
        image: of TensorFlow Serving.
        batching: whether it joins requests.
        weights: bytes of all versions' variables.
        records: in words, what the requests in the bundle hold.
    """
    memory = _TENSORFLOW_MEBIBYTES + 4 * -(-weights // 2**20)
    return {
        "MODEL": source.name,
        "SERVICE": f"{re.sub('[_.]+', '-', source.name).lower()}-serving",
        "VERSION": str(source.newest),
        "VERSIONS": ", ".join(map(str, source.versions)),
        "COUNT": str(len(source.versions)),
        "IMAGE": image,
        "ARGUMENTS": json.dumps([*_FLAGS, *(_BATCHING if batching else [])]),
        "BATCHING": "on" if batching else "off; `multimodal-keras bundle --batching` switches it on",
        "MEMORY": str(memory),
        "LIMIT": str(2 * memory),
        "RECORDS": records,
        "PACKAGE": __version__,
        "PYTHON": f"{sys.version_info.major}.{sys.version_info.minor}",
        "CONSTRAINTS": "\n".join(pinned(PACKAGE, "serve")),
    }


def form_of(facts: Mapping[str, Any]) -> str:
    """In what form a person has a field's value: a text, a file, or a JSON array."""
    if raw_spec(facts) != SCALAR:
        return ARRAY
    kind = KINDS.get(facts["kind"])
    return TEXT if kind is not None and kind.is_text else FILE


def client_literals(contract: Mapping[str, Any]) -> dict[str, Any]:
    """What clients are filled with."""
    inputs = contract["signatures"][SIGNATURE]["inputs"]
    fields = {
        field: {
            "form": form_of(facts),
            "optional": facts["optional"],
            **({"columns": column_names(facts)} if column_names(facts) else {}),
            **inputs[field],
        }
        for field, facts in contract["modalities"].items()
    }
    tasks = {task: facts.get("labels") for task, facts in contract["tasks"].items()}
    return {"FIELDS": fields, "TASKS": tasks}


def client_arguments(contract: Mapping[str, Any]) -> str:
    """What a person types behind a client's name."""
    return " ".join(f"{field}={_TYPED[form_of(facts)]}" for field, facts in sorted(contract["modalities"].items()))
