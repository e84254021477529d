"""What every registered class promises, as functions over small models that contain it.

A class of a kind that is new here needs a line in `FIELDS` (values of its field); everything else finds itself.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from plain_components import FramesModality, NumbersModality, PlainEncoder, SliceHead

import multimodal_keras as mk
from multimodal_keras.base import Encoder, Fusion, Head, Modality, parts, presence_name
from multimodal_keras.exporting import contract
from multimodal_keras.exporting.metadata import packed
from multimodal_keras.exporting.savedmodel import decode, write_savedmodel
from multimodal_keras.exporting.tflite import to_int8, write_tflite
from multimodal_keras.registry import get, known
from multimodal_keras.runtime.artefacts import CONTRACT, TFLITE, SavedModelArtefact, TFLiteArtefact

# What different orders of the same float32 sums may do.
BATCH_TOLERANCE = 1e-5
SAVEDMODEL_TOLERANCE = 1e-5
TFLITE_TOLERANCE = 2e-5
# In shares of the range that an answer has.
INT8_TOLERANCE = 0.05
UNPACKED = "unpacked.tflite"

BASES = {"Modality": Modality, "Encoder": Encoder, "Fusion": Fusion, "Head": Head}
LABELS = ["animals", "food", "plants"]

_random = np.random.default_rng(0)
_pixels = [_random.integers(0, 256, (40, 50, 3), "uint8") for _ in range(6)]
_numbers = [_random.normal(size=(2, 2)).astype("float32") for _ in range(6)]
_vectors = [_random.normal(size=4).astype("float32") for _ in range(6)]
_clouds = [_random.normal(size=(count, 4)).astype("float32") for count in (6, 9, 2, 30, 6, 1)]
_videos = [_random.integers(0, 256, (count, 20, 24, 3), "uint8") for count in (3, 1, 5, 2, 4, 3)]
_series = [_random.normal(size=(length, 3)).astype("float32") for length in (6, 4, 9, 1, 3, 6)]
_series[0][2, 1] = _series[2][0] = np.nan
_time = np.arange(2000) / 8000
_sounds = [(np.sin(2 * np.pi * 200 * number * _time).astype("float32") / number, 8000) for number in range(1, 7)]
_sounds[3] = (_sounds[3][0][:700], 8000)
_frames = [_random.normal(size=(5, 3)).astype("float32") for _ in range(6)]

_rows = [
    {"age": 34.5, "city": "Paris", "member": True, "since": "2024-02-29T13:45", "zip code": 75001},
    {"age": None, "city": "Rome", "member": False, "since": "1999-12-31", "zip code": "00184"},
    {"age": -2, "city": "Oslo", "member": None, "since": None, "zip code": None},
    {"age": "1e3", "city": None, "member": "no", "since": "2000-01-01 00:00", "zip code": "x"},
    {"age": 34, "city": "猫", "member": "yes"},
    ["0.25", "Rome", "", "2024-07-01", ""],
]
_columns = [
    {"name": "age", "kind": "number", "mean": 40.0, "deviation": 12.5},
    {"name": "city", "kind": "category", "vocabulary": ["Paris", "Rome"]},
    {"name": "member", "kind": "boolean", "mean": 0.5, "deviation": 0.5},
    {"name": "since", "kind": "date", "mean": 2010.25, "deviation": 4.0},
    {"name": "zip code", "kind": "category", "hash_buckets": 7},
]

# Kind of a modality to small arguments and six values of its field.
FIELDS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "text": (
        {"sequence_length": 5, "vocabulary": ["a", "red", "cat", "dog", "runs", "far", "猫"]},
        ["a red cat", "dog", "A dog runs far, far away from here", "猫 red", "cat cat", "a"],
    ),
    "image": ({"size": [32, 32]}, _pixels),
    "embedding": ({"width": 4, "normalization": "l2"}, _vectors),
    "pointcloud": ({"points": 6, "features": 1}, _clouds),
    "sequence": (
        {"sequence_length": 5, "k": 2, "symbols": "ACGT"},
        ["ACGTTT", "AC", "GATTACAGATTACA", "A", "NNAC", "ac"],
    ),
    "video": ({"frames": 3, "size": [16, 16]}, _videos),
    "timeseries": ({"steps": 6, "channels": 3, "missing_indicators": True, "mean": 0.5, "deviation": 2.0}, _series),
    "tabular": ({"columns": _columns}, _rows),
    "audio": (
        {"sampling_rate": 4000, "clip_seconds": 0.25, "spectrum": {"n_mels": 12}, "normalization": "record"},
        _sounds,
    ),
    "frames": ({}, _frames),
    "numbers": ({}, _numbers),
}
# The rows of the values that are absent where a modality is optional: each alone, and all together in the last row.
ABSENT = {"text": (1, 5), "image": (2, 5), "timeseries": (2, 5), "tabular": (1, 5), "frames": (3, 5), "numbers": (2, 5)}
# The tests' own kinds, fast to trace.
PLAIN = {cls.kind: cls for cls in (FramesModality, NumbersModality)}

_network = keras.Sequential(
    [keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 5, strides=4, name="features")], name="net"
)
# An extra that the oldest TensorFlow is tested without.
ABSENT_EXTRAS = [] if importlib.util.find_spec("keras_hub") else ["HubEncoder"]
SMALL: dict[str, dict[str, Any]] = {
    "PretrainedEncoder": {
        "model": json.loads(json.dumps(keras.saving.serialize_keras_object(_network))),
        "trainable": True,
        "scale": 2.0,
    },
    "LSTMEncoder": {"units": 6, "embedding_width": 5},
    "GRUEncoder": {"units": 6, "embedding_width": 5, "bidirectional": True},
    "TransformerEncoder": {"width": 8, "layers": 1, "attention_heads": 2},
    "Conv2DEncoder": {"filters": [4, 6]},
    "PointNetEncoder": {"units": [6, 7], "align": True},
    "FrameEncoder": {
        "frame": {"class_name": "Conv2DEncoder", "config": {"filters": [4, 6]}},
        "time": {"class_name": "GRUEncoder", "config": {"units": 5}},
    },
    "Conv3DEncoder": {"filters": [4, 6]},
    "TCNEncoder": {"filters": 6, "kernel_size": 2, "layers": 2, "embedding_width": 5},
    "MLPEncoder": {"units": [6, 5], "embedding_width": 3, "dropout": 0.0},
    "FeatureTokenEncoder": {"width": 8, "layers": 1, "attention_heads": 2, "dropout": 0.0},
    "ClassificationHead": {"labels": LABELS},
    "MultiLabelHead": {"labels": LABELS, "hidden_units": 5},
    "RegressionHead": {"mean": 2.0, "deviation": 3.0},
}
# Of each argument that a fusion has, the value that makes it small.
_SMALL_FUSION = {"width": 4, "layers": 1, "attention_heads": 2, "hidden_units": 5, "experts": 2, "sketch_width": 8}
if not ABSENT_EXTRAS:
    _hub = importlib.import_module("keras_hub").models
    _vit = _hub.ViTBackbone(
        image_shape=(32, 32, 3), patch_size=(16, 16), num_layers=1, num_heads=2, hidden_dim=4, mlp_dim=6
    )
    SMALL["HubEncoder"] = {
        "preset": json.loads(json.dumps(keras.saving.serialize_keras_object(_vit))),
        "trainable": True,
        "scale": 2.0,
        "offset": -1.0,
    }
for _fusion in known(Fusion):
    _default = get(_fusion, Fusion)
    SMALL.setdefault(_fusion, {name: value for name, value in _SMALL_FUSION.items() if hasattr(_default, name)})


def registered() -> list[tuple[str, str]]:
    """`(kind, class name)` of every class that the package registers."""
    return [
        (kind, name)
        for kind, base in BASES.items()
        for name in known(base)
        if _is_ours(get(name, base)) and name not in ABSENT_EXTRAS
    ]


def small(name: str, base: type, **arguments: Any) -> Any:
    """A small instance of a registered class."""
    if base is Modality:
        kind = get(name, base).kind
        if kind not in FIELDS:
            raise KeyError(f"Add arguments and six values for the kind {kind!r} to FIELDS in tests/contracts.py.")
        arguments = {**FIELDS[kind][0], **arguments}
    return get(name, base, **{**SMALL.get(name, {}), **arguments})


def component(kind: str, optional: bool = True) -> Modality:
    """A small modality of this kind."""
    if kind in PLAIN:
        return PLAIN[kind](optional=optional)
    names = [name for name in known(Modality) if get(name, Modality).kind == kind]
    return small(names[0], Modality, optional=optional)


def wake_up(network: Any) -> None:
    """Scale a random backbone's normalisation, which would answer 1e-13 and hide every difference."""
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(3.0 * np.ones(layer.gamma.shape))


@functools.cache
def models(base_name: str, name: str) -> dict[str, keras.Model]:
    """Small models that contain a class, by a word for what they are."""
    keras.utils.set_random_seed(3)
    base = BASES[base_name]
    if base is Modality:
        modality = small(name, base, optional=True)
        return {modality.kind: model_of({modality.kind: modality})}
    if base is Encoder:
        return {kind: model_of({kind: component(kind)}, {kind: small(name, base)}) for kind in accepted(name)}
    if base is Head:
        return {"head": model_of({"text": component("text", optional=False)}, heads={"task": small(name, base)})}
    return {str(len(kinds)): fusion_model(name, kinds) for kinds in (("text",), ("text", "frames", "numbers"))}


def fusion_model(fusion: Any, kinds: tuple[str, ...], **arguments: Any) -> keras.Model:
    """A model of plain encoders around a fusion; all fields are optional."""
    fusion = small(fusion, Fusion, **arguments) if isinstance(fusion, str) else fusion
    fields = {kind: component(kind) for kind in kinds}
    return model_of(fields, {kind: PlainEncoder() for kind in kinds}, fusion=fusion)


class EveryFusion(Fusion):
    """Several fusions side by side over the same tokens, so that one export, which is slow, proves all of them."""

    def __init__(self, names: list[str], missing: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names, self.missing = names, missing
        self.each = [small(name, Fusion) for name in names]

    def build(self, tokens_shape: Any, masks_shape: Any = None, present_shape: Any = None) -> None:
        for fusion in self.each:
            fusion.build(tokens_shape, masks_shape, present_shape)
        self.built = True

    def call(self, tokens: Any, masks: Any = None, present: Any = None, training: bool | None = None) -> Any:
        return keras.ops.concatenate([fusion(tokens, masks, present, training=training) for fusion in self.each], -1)

    def compute_output_shape(self, tokens_shape: Any, masks_shape: Any = None, present_shape: Any = None) -> Any:
        return (None, sum(width for _, width in self.widths(tokens_shape)))

    def widths(self, tokens_shape: Any) -> list[tuple[str, int]]:
        """Name and width of each fusion's answer."""
        shapes = [fusion.compute_output_shape(tokens_shape) for fusion in self.each]
        return [(name, shape[-1]) for name, shape in zip(self.names, shapes, strict=True)]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "names": self.names, "missing": self.missing}


def every_fusion(missing: str, kinds: tuple[str, ...]) -> keras.Model:
    """A model with every fusion that takes absent modalities in one form; each task is one fusion's vector."""
    names = [name for name in known(Fusion) if (base := get(name, Fusion)).missing == missing and _is_ours(base)]
    fusion = EveryFusion(names, missing)
    heads, start = {}, 0
    for name, width in fusion.widths({kind: (None, None, PlainEncoder().width) for kind in kinds}):
        heads[name.lower()] = SliceHead(start, start + width)
        start += width
    return model_of({kind: component(kind) for kind in kinds}, {kind: PlainEncoder() for kind in kinds}, fusion, heads)


def _is_ours(layer: Any) -> bool:
    """Whether a module of the package holds this class: what a doctest defined has a module's name, and is not in it."""
    cls = type(layer)
    ours = cls.__module__.startswith("multimodal_keras.")
    return ours and getattr(importlib.import_module(cls.__module__), cls.__name__, None) is cls


def model_of(
    fields: dict[str, Any], encoders: Any = None, fusion: Any = None, heads: dict[str, Any] | None = None
) -> keras.Model:
    """A built model; without modality dropout, so that training is deterministic."""
    model = mk.build_model(
        fields,
        heads or {"task": mk.ClassificationHead(labels=LABELS)},
        encoders=encoders or {field: small(modality.default_encoder, Encoder) for field, modality in fields.items()},
        fusion=fusion or mk.MeanFusion(width=4),
        modality_dropout=0.0,
    )
    wake_up(model)
    return model


@functools.cache
def accepted(name: str) -> list[str]:
    """The kinds of fields that an encoder takes."""
    kinds = []
    for kind in FIELDS:
        try:
            model_of({kind: component(kind)}, {kind: small(name, Encoder)})
        except ValueError:
            continue
        kinds.append(kind)
    return kinds


def records(model: keras.Model, absent: bool = True) -> mk.data.Records:
    """Six records for a model; where fields are optional, some lack one, and the last one lacks all."""
    rows: list[dict[str, Any]] = [{} for _ in range(6)]
    for field, modality in parts(model).modalities.items():
        gone = ABSENT.get(modality.kind, (1, 5)) if absent and modality.optional else ()
        for row, value in enumerate(FIELDS[modality.kind][1]):
            rows[row][field] = None if row in gone else value
    return mk.data.Records.of(rows)


def raw_values(model: keras.Model, absent: bool = True) -> dict[str, np.ndarray]:
    """What a client sends for these records."""
    found = parts(model).modalities
    return next(mk.data.raw_batches(records(model, absent), found, batch_size=6)).raw


def tensors(model: keras.Model, absent: bool = True) -> dict[str, np.ndarray]:
    """The model's inputs for these records."""
    raw = {field: tf.constant(values) for field, values in raw_values(model, absent).items()}
    return {name: tensor.numpy() for name, tensor in decode(parts(model), raw).items()}


def disturbed(model: keras.Model, inputs: dict[str, np.ndarray], nan: bool) -> dict[str, np.ndarray]:
    """The same inputs with other content in absent fields: random, or NaN where the dtype has it."""
    random, changed = np.random.default_rng(9), dict(inputs)
    for field in parts(model).optional:
        gone = ~inputs[presence_name(field)]
        content = inputs[field].copy()
        if content.dtype.kind == "f":
            content[gone] = np.nan if nan else random.normal(scale=100, size=content[gone].shape)
        else:
            content[gone] = random.integers(0, 5, content[gone].shape)
        changed[field] = content
    return changed


def answer(model: Any, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """The predictions for inputs, as numpy."""
    return {task: output.numpy() for task, output in model(inputs, training=False).items()}


def gradients(model: keras.Model, inputs: dict[str, Any]) -> list[Any]:
    """The gradient of a sum of the outputs, weighted unlike each other, for every trainable weight."""
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=True)
        loss = sum(
            tf.reduce_sum(output * (1.0 + tf.range(tf.size(output), dtype="float32")[: output.shape[-1]]))
            for output in outputs.values()
        )
    return tape.gradient(loss, [variable.value for variable in model.trainable_variables])


def json_round_trip(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A layer made again from its config as JSON."""
    return type(layer).from_config(json.loads(json.dumps(layer.get_config())))


def difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The largest difference between two answers."""
    assert sorted(one) == sorted(other)
    return max(float(np.max(np.abs(one[task] - other[task]))) for task in one)


def beyond(one: dict[str, np.ndarray], other: dict[str, np.ndarray], tolerance: float) -> dict[str, float]:
    """The tasks whose answers differ by a tolerance or more, with their difference."""
    apart = {task: difference({task: one[task]}, {task: other[task]}) for task in sorted(one.keys() | other.keys())}
    return {task: found for task, found in apart.items() if not found < tolerance}


def write_artefacts(model: keras.Model, folder: Path) -> tuple[SavedModelArtefact, TFLiteArtefact]:
    """Write and load both artefacts."""
    write_savedmodel(model, folder)
    facts = contract(model)
    write_tflite(model, folder / UNPACKED)
    (folder / TFLITE).write_bytes(packed((folder / UNPACKED).read_bytes(), facts))
    (folder / CONTRACT).write_text(json.dumps(facts), encoding="utf-8")
    return SavedModelArtefact(folder), TFLiteArtefact(folder / TFLITE)


def write_int8(model: keras.Model, folder: Path) -> TFLiteArtefact:
    """Quantize what `write_artefacts` wrote, with the ranges of the model's records, and load it."""
    some, everything = tensors(model), tensors(model, absent=False)
    examples = {name: np.concatenate([some[name], everything[name]]) for name in some}
    path = folder / "model.int8.tflite"
    path.write_bytes(packed(to_int8((folder / UNPACKED).read_bytes(), examples), contract(model)))
    return TFLiteArtefact(path)


def every_component() -> keras.Model:
    """One model with every kind of field, every encoder and every head, for the export, which is slow."""
    fields, encoders = {}, {}
    for base, name in registered():
        if base == "Encoder":
            kind = accepted(name)[0]
            field = name.lower()
            fields[field], encoders[field] = component(kind), small(name, Encoder)
        if base == "Modality":
            modality = small(name, Modality, optional=True)
            fields[modality.kind], encoders[modality.kind] = modality, small(modality.default_encoder, Encoder)
    heads = {name.lower(): small(name, Head) for base, name in registered() if base == "Head"}
    return model_of(fields, encoders, heads=heads)
