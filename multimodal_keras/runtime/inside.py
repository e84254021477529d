"""What is inside of a TFLite file, apart from its numbers."""

from __future__ import annotations

import importlib
import zipfile
from collections import Counter
from pathlib import Path


def packed_files(path: Path) -> dict[str, int]:
    """The files that travel inside: name to bytes."""
    with zipfile.ZipFile(path) as files:
        return {entry.filename: entry.file_size for entry in files.infolist()}


def operators(path: Path) -> dict[str, int]:
    """How often each op is in the file, loops and branches included, the most frequent first.

    Needs ai-edge-litert. An op that is not built in has its own name.
    """
    schema = importlib.import_module("ai_edge_litert.schema_py_generated")
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    model = schema.Model.GetRootAsModel(path.read_bytes(), 0)
    codes = [model.OperatorCodes(place) for place in range(model.OperatorCodesLength())]
    # Old files have the code in a byte, whose largest value stands for "see the other field".
    known = [names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())] for code in codes]
    known = [code.CustomCode().decode() if name == "CUSTOM" else name for code, name in zip(codes, known, strict=True)]
    counts: Counter[str] = Counter()
    for graph in (model.Subgraphs(place) for place in range(model.SubgraphsLength())):
        counts.update(known[graph.Operators(place).OpcodeIndex()] for place in range(graph.OperatorsLength()))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
