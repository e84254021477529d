"""A tiny model of two short texts and three tasks, and one batch for it: what a test can work out by hand."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from plain_components import PlainEncoder

import multimodal_keras as mk

WORDS = ["red", "cat", "dog"]
HEADS = {
    "topic": mk.ClassificationHead(labels=["a", "b", "c"]),
    "tags": mk.MultiLabelHead(labels=["x", "y"]),
    "score": mk.RegressionHead(mean=1.0, deviation=2.0),
}
# Targets and weights: record 2 has no tags, record 1 no score.
LABELS = {
    "topic": (np.array([0, 2, 1, 0], "int32"), np.ones(4, "float32")),
    "tags": (np.array([[1, 0], [1, 1], [0, 0], [0, 1]], "float32"), np.array([1, 1, 0, 1], "float32")),
    "score": (np.array([[1.0], [3.0], [0.0], [5.0]], "float32"), np.array([1, 0, 1, 1], "float32")),
}


def network(optional=True, heads=HEADS, fields=("one", "two"), **arguments):
    """A new model; equal for equal arguments."""
    keras.utils.set_random_seed(4)
    modalities = {name: mk.TextModality(3, vocabulary=WORDS, optional=optional) for name in fields}
    encoders = {name: PlainEncoder(width=4) for name in fields}
    return mk.build_model(modalities, heads, encoders=encoders, fusion=mk.MeanFusion(width=5), seed=4, **arguments)


def inputs(lacking=()):
    """Four records; `lacking` are pairs of field and row."""
    found = {
        "one": np.array([[2, 3, 0], [4, 0, 0], [3, 3, 2], [2, 4, 0]], "int32"),
        "two": np.array([[4, 4, 0], [2, 3, 4], [3, 0, 0], [2, 2, 0]], "int32"),
    }
    for field in ("one", "two"):
        found[f"{field}_present"] = np.array([(field, row) not in lacking for row in range(4)])
    return {name: tf.constant(value) for name, value in found.items()}


def labels(model, unlabelled=()):
    """Targets and weights of the same records; the tasks in `unlabelled` have none."""
    tasks = list(mk.parts(model).heads)
    weights = {task: LABELS[task][1] * (task not in unlabelled) for task in tasks}
    return (
        {task: tf.constant(LABELS[task][0]) for task in tasks},
        {task: tf.constant(weight) for task, weight in weights.items()},
    )
