"""Pictures: which of ten kinds of clothes is on a small grey photograph.

The data are the training pictures of Fashion-MNIST (MIT), fetched from Debian: 28 x 28 pixels. Of 60,000, 6,000 are trained
on, 1,000 choose the best epoch, and 5,000 others are tested on.

A first network (three stages, batches of 64, pictures shifted too) had learned too little, which was seen on the set's own
test pictures; so those are not used any more. Of this one the course on the records to choose on was looked at before the
test.

    python examples/clothes.py
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import common
import fetch
import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import multimodal_keras as mk

KINDS = ["top", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
TRAIN, CHOOSE, TEST = 6_000, 1_000, 5_000


def read_idx(path: Path) -> np.ndarray:
    """A packed IDX file of bytes: `uint8 (records, height, width)` for three dimensions, `uint8 (records,)` for one.

    Raises:
        ValueError: if it holds anything else.
    """
    content = gzip.decompress(path.read_bytes())
    dimensions = content[3]
    if content[:3] != b"\0\0\x08" or dimensions < 1:
        raise ValueError(f"An IDX file of bytes begins with 00 00 08. Received {content[:4].hex(' ')}. Check {path}.")
    shape = np.frombuffer(content, ">i4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def clothes() -> list[dict[str, Any]]:
    """The records: `picture`, `uint8 (28, 28)`, and `kind`."""
    folder = fetch.debian("dataset-fashion-mnist") / "usr/share/datasets/fashion-mnist"
    pictures, kinds = (read_idx(folder / f"train-{part}-ubyte.gz") for part in ("images-idx3", "labels-idx1"))
    return [{"picture": picture, "kind": KINDS[kind]} for picture, kind in zip(pictures, kinds, strict=True)]


def baselines(train: list[dict[str, Any]], test: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What scikit-learn answers from the pixels."""
    pixels = [np.stack([record["picture"].ravel() for record in part]) / 255 for part in (train, test)]
    kinds = [record["kind"] for record in train]
    models = {
        "logistic regression on the pixels": make_pipeline(
            StandardScaler(), LogisticRegression(C=0.01, tol=1e-3, max_iter=300)
        ),
        "support vectors on the pixels": SVC(C=10),
    }
    return {name: list(model.fit(pixels[0], kinds).predict(pixels[1])) for name, model in models.items()}


def main() -> None:
    """Print the table."""
    records = clothes()
    order = np.random.default_rng(0).permutation(len(records))[: TRAIN + CHOOSE + TEST]
    train, valid, test = ([records[row] for row in rows] for rows in np.split(order, [TRAIN, TRAIN + CHOOSE]))
    answers = baselines(train, test)
    common.seed()
    augmentation = [keras.layers.RandomFlip("horizontal")]
    parts = tuple(mk.data.read(part) for part in (train, valid, test))
    model = mk.build_model(
        {"picture": mk.ImageModality((28, 28), augmentation=augmentation)},
        {"kind": mk.ClassificationHead()},
        encoders={"picture": mk.Conv2DEncoder((32, 64, 96, 128), downsample="max")},
        adapt_to=parts[0],
    )
    options = {"epochs": 12, "patience": 12, "batch_size": 32, "learning_rate": 3e-3}
    common.show("Clothes, Conv2D", model, parts, "kind", answers, **options)


if __name__ == "__main__":
    main()
