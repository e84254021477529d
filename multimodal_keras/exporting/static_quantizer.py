"""Quantize a float32 TFLite file to int8 with ranges measured on examples.

A program of its own: calibrating has been seen to kill its process on graphs with loops. Convolutions and embeddings get
ranges from the examples. Dense layers are quantized as their inputs come, in loops as well: measured on trained models,
static ranges there flip more answers and save nothing.

    python static_quantizer.py float32.tflite examples.npz int8.tflite [--integer-outputs]
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_quantizer import qtyping, quantizer

STATIC = ("CONV_2D", "DEPTHWISE_CONV_2D", "GATHER")
OUTSIDE_LOOPS = "^(?!.*/while)"  # inside of one, nobody measures ranges
DYNAMIC = ("FULLY_CONNECTED",)
FLOAT32 = 0  # in the schema's enumeration of tensor types
Ranges = dict[str, dict[str, np.ndarray]]


def opened(path: Path) -> Any:
    """A file as the schema's objects; its main graph is the first subgraph."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))


def floats_of(path: Path) -> dict[int, str]:
    """The tensors of the main graph that are no constants but floats: index to name."""
    model = opened(path)
    return {
        index: tensor.name.decode()
        for index, tensor in enumerate(model.subgraphs[0].tensors)
        if tensor.type == FLOAT32 and model.buffers[tensor.buffer].data is None
    }


def measured_ranges(path: Path, examples: dict[str, np.ndarray]) -> Ranges:
    """Smallest and largest value of each float tensor of the main graph over all examples."""
    interpreter = Interpreter(
        str(path),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner()
    floats = floats_of(path)
    ranges: Ranges = {}
    for row in range(len(next(iter(examples.values())))):
        interpreter.reset_all_variables()
        run(**{name: values[row : row + 1] for name, values in examples.items()})
        for index, name in floats.items():
            try:
                value = interpreter.get_tensor(index)
            except ValueError:
                continue  # what a loop hands out and nobody reads has no memory
            if value.size:
                _widen(ranges, name, value)
    return ranges


def _widen(ranges: Ranges, name: str, value: np.ndarray) -> None:
    low, high = (found(value, keepdims=True).astype(np.float32) for found in (np.min, np.max))
    known = ranges.get(name)
    ranges[name] = {
        "min": low if known is None else np.minimum(low, known["min"]),
        "max": high if known is None else np.maximum(high, known["max"]),
    }


def quantize(path: Path, ranges: Ranges, integer_outputs: bool) -> bytes:
    """The int8 file."""
    names = qtyping.TFLOperationName
    work = quantizer.Quantizer(str(path))
    for operation in DYNAMIC:
        work.add_dynamic_config(regex=".*", operation_name=names[operation], num_bits=8)
    rules = [(OUTSIDE_LOOPS, operation) for operation in STATIC]
    if integer_outputs:
        # All of them together are one thing to the quantizer, named after the first; what is no float stays as it is.
        graph = opened(path).subgraphs[0]
        outputs = [re.escape(graph.tensors[index].name.decode()) for index in graph.outputs]
        rules.append((f"^({'|'.join(outputs)})", "OUTPUT"))
    for regex, operation in rules:
        work.add_static_config(regex=regex, operation_name=names[operation], activation_num_bits=8, weight_num_bits=8)
    return bytes(work.quantize(ranges).quantized_model)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("examples", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--integer-outputs", action="store_true")
    arguments = parser.parse_args()
    with np.load(arguments.examples) as kept:
        ranges = measured_ranges(arguments.source, dict(kept))
    arguments.output.write_bytes(quantize(arguments.source, ranges, arguments.integer_outputs))


if __name__ == "__main__":
    main()
