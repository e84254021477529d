"""Small trainings on real records, for the tests of `fit`; run as a script, one is killed in the middle of an epoch."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import keras
from plain_components import PlainEncoder

import multimodal_keras as mk

OPTIONS = {"epochs": 3, "batch_size": 16, "learning_rate": 3e-3, "patience": None, "verbose": 0}


def real_records(split="train", count=48):
    """Real records of three subjects, mixed, the last two without a subject."""
    clipart = mk.data.clipart()
    records = [dict(record) for record in clipart.where(split=split)]
    subjects = sorted({record["subject"] for record in records})[:3]
    columns = [[record for record in records if record["subject"] == subject][: count // 3] for subject in subjects]
    mixed = [record for row in zip(*columns, strict=False) for record in row]
    for record in mixed[-2:]:
        record["subject"] = None
    return mk.data.Records.of(mixed, folder=clipart.folder)


def small_model(train, **heads):
    """Two texts, fast to trace."""
    keras.utils.set_random_seed(11)
    fields = {"title": mk.TextModality(6), "description": mk.TextModality(6, optional=True)}
    return mk.build_model(
        fields,
        heads or {"subject": mk.ClassificationHead(), "colourful": mk.RegressionHead(loss_weight=0.5)},
        encoders={field: PlainEncoder() for field in fields},
        fusion=mk.MeanFusion(width=8),
        adapt_to=train,
        modality_dropout=0.0,
    )


def random_model(train):
    """Text and pictures, with every source of random numbers that a model can have."""
    keras.utils.set_random_seed(11)
    augmentation = ["RandomFlip", keras.layers.RandomContrast(0.2)]
    return mk.build_model(
        {"title": mk.TextModality(6), "image": mk.ImageModality((16, 16), augmentation=augmentation, optional=True)},
        {"subject": mk.ClassificationHead(dropout=0.2), "colourful": mk.RegressionHead(loss_weight=0.5)},
        encoders={
            "title": mk.LSTMEncoder(4, embedding_width=4, dropout=0.2),
            "image": mk.Conv2DEncoder((4, 6), dropout=0.2),
        },
        fusion=mk.MeanFusion(width=8, dropout=0.2),
        adapt_to=train,
        modality_dropout=0.2,
    )


class Kill(keras.callbacks.Callback):
    """Ends its own process as a power cut would, in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.at, self.now = epoch, -1

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.at and batch == 1:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder, callbacks=(), **options):
    """The training that is killed, resumed and compared."""
    records = real_records()
    model = random_model(records)
    return mk.fit(
        model, records, real_records("valid", 12), output=folder, callbacks=callbacks, **{**OPTIONS, **options}
    )


if __name__ == "__main__":
    train(sys.argv[1], [Kill(epoch=1)])
