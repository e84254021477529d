"""A small run over the bundled records, to compare fusions on without any data of one's own."""

from __future__ import annotations

from typing import Any

from multimodal_keras.data import clipart


def clipart_run() -> dict[str, Any]:
    """The content of a run file: titles and pictures of 32 x 32 pixels, both may be missing; 14 subjects.

    It is small, so that dozens of models are trained in minutes: its accuracy is not that of `multimodal-keras demo`.
    """
    folder = clipart().folder
    return {
        "data": f"{folder}/records.csv",
        "split": "split",
        "modalities": {
            "image": {"class_name": "ImageModality", "config": {"size": [32, 32], "optional": True}},
            "title": {
                "class_name": "TextModality",
                "config": {"sequence_length": 64, "unit": "subword", "least_count": 2, "optional": True},
            },
        },
        "encoders": {
            "image": {"class_name": "Conv2DEncoder", "config": {"filters": [16, 32, 64], "dropout": 0.1}},
            "title": {"class_name": "EmbeddingEncoder", "config": {"embedding_width": 64, "token_dropout": 0.2}},
        },
        "heads": {"subject": {"class_name": "ClassificationHead", "config": {"dropout": 0.3}}},
        "training": {"epochs": 10, "batch_size": 64, "learning_rate": 3e-3, "patience": 4},
    }
