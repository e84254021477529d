"""`multimodal-keras demo`: the whole way on the bundled records, and one table at its end."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from multimodal_keras.base import parts
from multimodal_keras.builder import build_model
from multimodal_keras.cli.baseline import tfidf_probabilities
from multimodal_keras.cli.latency import latencies
from multimodal_keras.data import Records, clipart
from multimodal_keras.encoders import Conv2DEncoder, EmbeddingEncoder
from multimodal_keras.evaluation import Difference, Report, evaluate, paired_difference
from multimodal_keras.exporting import Exported, export
from multimodal_keras.fusion import ConcatFusion
from multimodal_keras.heads import ClassificationHead
from multimodal_keras.modalities import ImageModality, TextModality
from multimodal_keras.training import TrainingOptions, fit

TASK = "subject"
TRAINING = TrainingOptions(epochs=20, learning_rate=3e-3, patience=None)


@dataclass(frozen=True)
class Trained:
    """A model of the demo and what it answered to the test records."""

    model: keras.Model
    report: Report

    @property
    def answers(self) -> np.ndarray:
        """Probabilities, `(records, labels)`."""
        return self.report.predictions[TASK].predicted

    @property
    def truth(self) -> np.ndarray:
        """Label numbers, `(records,)`."""
        return self.report.predictions[TASK].truth


def run(options: argparse.Namespace) -> None:
    """Train, evaluate, export, prove parity, measure, and print."""
    output = Path(options.output)
    records = clipart()
    train, valid, test = (records.where(split=part) for part in ("train", "valid", "test"))
    epochs = options.epochs or TRAINING.epochs
    trained: dict[tuple[str, ...], Trained] = {
        fields: _train(fields, train, valid, test, epochs, output / "+".join(fields))
        for fields in (("title",), ("image",), ("image", "title"))
    }
    both = trained["image", "title"]
    both.report.save(output / "evaluation")
    labels = parts(both.model).heads[TASK].contract()["labels"]
    words = tfidf_probabilities(train, valid, test, text="title", task=TASK, labels=labels)
    exported = export(both.model, output / "exported" / "1", sample=test)
    print("\n".join(_table(trained, words, exported, latencies(both.model, exported.folder, test))))
    print(f"\nReport: {output / 'evaluation' / 'report.html'}")


def demo_model(fields: tuple[str, ...], train: Records, seed: int = 0) -> keras.Model:
    """The demo's model over these fields: the same branches and the same care, alone or together."""
    keras.utils.set_random_seed(seed)
    modalities: dict[str, Any] = {
        "image": ImageModality(size=(64, 64), optional=True),
        "title": TextModality(sequence_length=128, unit="subword", least_count=2, optional=True),
    }
    encoders = {
        "image": Conv2DEncoder((32, 64, 128, 192, 256), dropout=0.1),
        "title": EmbeddingEncoder(embedding_width=128, token_dropout=0.2),
    }
    return build_model(
        {field: modalities[field] for field in fields},
        {TASK: ClassificationHead(dropout=0.4)},
        encoders={field: encoders[field] for field in fields},
        fusion=ConcatFusion(pooling={"image": "max"}),
        adapt_to=train,
        seed=seed,
    )


def _train(
    fields: tuple[str, ...], train: Records, valid: Records, test: Records, epochs: int, output: Path
) -> Trained:
    print(f"Training on {' and '.join(fields)}", flush=True)
    model = demo_model(fields, train)
    done = fit(model, train, valid, output=output, options=TRAINING, epochs=epochs, verbose=2)
    print(done, flush=True)
    return Trained(model, evaluate(model, test, history=done.history))


def _table(
    trained: dict[tuple[str, ...], Trained], words: np.ndarray, exported: Exported, times: dict[str, float]
) -> list[str]:
    both, singles = trained["image", "title"], {key[0]: trained[key] for key in (("title",), ("image",))}
    lines = ["", f"Test records: {both.report.records}", "", "One model, every subset of modalities"]
    lines += [f"  {line}" for line in both.report.table(TASK).splitlines()]
    lines += ["", "Accuracy of models trained on one modality alone, and what both together add (paired interval)"]
    rivals = {f"{name} alone": single.answers for name, single in singles.items()}
    rivals["title, TF-IDF + logistic regression"] = words
    for name, answers in rivals.items():
        accuracy = float(np.mean(np.argmax(answers, 1) == both.truth))
        gain = paired_difference("accuracy", both.truth, both.answers, answers)
        lines.append(f"  {name:38}{accuracy:6.3f}   {_gain(gain)}")
    lines += ["", "Parity with Keras", *(f"  {line}" for line in str(exported).splitlines())]
    lines += ["", "Single-record latency, raw record to answer, median"]
    return [*lines, *(f"  {name:38}{seconds * 1e3:9.2f} ms" for name, seconds in times.items())]


def _gain(gain: Difference) -> str:
    verdict = "outside of chance" if gain.outside else "within chance"
    return f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}], {verdict}"
