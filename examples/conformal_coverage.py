"""Calibration: are promises kept on records that nobody has seen, before and after int8?

The bundled drawings but those of food. A model is trained on the training records; the others are halved at random, it is
calibrated on one half, and all that is printed is of the other. Nothing was chosen by it. "expected" is where the coverage
of so many records lies in 95 of 100 cases if the promise holds. One pair of halves is one draw, so the second table has 500
of them. The drawings of food, and made-up noise, are what the model should call unusual.

    python examples/conformal_coverage.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import common
import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

import multimodal_keras as mk
from multimodal_keras.calibrating.conformal import conformal_quantile, coverage_interval
from multimodal_keras.evaluation.calibration import adaptive_calibration_error, calibration_error
from multimodal_keras.exporting import TFLiteOptions
from multimodal_keras.exporting.device_files import write_device_files
from multimodal_keras.runtime.artefacts import load

TASK, NEW, COVERAGES, EPOCHS = "subject", "food", (0.8, 0.9, 0.95), 15
SIZE, DRAWS = (32, 32), 500
SUBSETS = {"image + title": (), "image alone": ("title",), "title alone": ("image",)}

Inputs = dict[str, np.ndarray]
Answer = Callable[[Inputs], Mapping[str, Any]]


def trained(train: mk.data.Records) -> keras.Model:
    """A model of titles and pictures, either of which may be missing."""
    model = mk.build_model(
        {
            "image": mk.ImageModality(size=SIZE, optional=True),
            "title": mk.TextModality(sequence_length=64, unit="subword", least_count=2, optional=True),
        },
        {TASK: mk.ClassificationHead(dropout=0.4)},
        encoders={
            "image": mk.Conv2DEncoder((32, 64, 128), dropout=0.1),
            "title": mk.EmbeddingEncoder(embedding_width=96, token_dropout=0.2),
        },
        adapt_to=train,
        seed=0,
    )
    mk.fit(model, train, epochs=EPOCHS, learning_rate=3e-3, patience=None, verbose=0)
    return model


def tensors(model: keras.Model, records: mk.data.Records) -> tuple[Inputs, np.ndarray]:
    """All records in one batch: inputs, and label numbers."""
    inputs, targets, _ = next(iter(mk.data.batches(records, model, batch_size=len(records))))
    return {name: value.numpy() for name, value in inputs.items()}, targets[TASK].numpy()


def without(inputs: Inputs, fields: tuple[str, ...]) -> Inputs:
    """The same records with some modalities missing."""
    return inputs | {f"{field}_present": np.zeros_like(inputs[f"{field}_present"]) for field in fields}


def asking(model: keras.Model) -> Answer:
    """The model as a function of arrays."""
    call = tf.function(lambda inputs: model(inputs, training=False), autograph=False)
    return lambda inputs: {name: value.numpy() for name, value in call(inputs).items()}


def int8(model: keras.Model, folder: Path, train: mk.data.Records, refit: mk.data.Records | None) -> Answer:
    """The same model as an int8 TFLite file, its numbers fitted again or not."""
    folder.mkdir()
    (file,) = write_device_files(model, folder, TFLiteOptions(quantize=("int8",)), train, refit)
    return load(folder / file.name).call


def covered(answered: Mapping[str, Any], truth: np.ndarray) -> np.ndarray:
    """Whether each set holds the truth."""
    return np.asarray(answered[f"{TASK}_set"])[np.arange(len(truth)), truth]


def coverage_line(
    name: str, promised: float, calibrated_on: int, answered: Mapping[str, Any], truth: np.ndarray
) -> str:
    """One row: promised, coverage, where it was expected, whether it lies there, and how large the sets are."""
    found, size = covered(answered, truth).mean(), np.asarray(answered[f"{TASK}_set"]).sum(axis=1).mean()
    low, high = coverage_interval(promised, calibrated_on, len(truth))
    kept = "yes" if low <= found <= high else "NO"
    return f"{name:44}{promised:9.2f}{found:10.3f}   [{low:.3f}, {high:.3f}]{kept:>6}{size:11.2f}"


HEAD = f"{'':44}{'promised':>9}{'coverage':>10}   {'expected':14}{'kept':>8}{'mean size':>11}"


def show_coverage(model: keras.Model, parts: tuple[mk.data.Records, ...], folder: Path) -> None:
    """Coverage at three levels, from Keras and from int8 files; at 0.9 with modalities missing as well."""
    train, half, test = parts
    inputs, truth = tensors(model, test)
    print(f"Coverage on {len(test)} records, calibrated on {len(half)}\n{HEAD}")
    for coverage in COVERAGES:
        calibrated = mk.calibrate(model, half, coverage=coverage)
        ways = {
            "Keras": asking(calibrated),
            "int8, numbers fitted again": int8(calibrated, folder / f"{coverage}", train, half),
        }
        if coverage == 0.9:
            ways["int8, the float model's numbers"] = int8(calibrated, folder / "as-it-is", train, None)
            ways["Keras, not by presence"] = asking(mk.calibrate(model, half, coverage=0.9, by_presence=False))
        for subset, missing in SUBSETS.items() if coverage == 0.9 else [next(iter(SUBSETS.items()))]:
            shown = without(inputs, missing)
            for name, answer in ways.items():
                row = coverage_line(f"{subset}: {name}", coverage, len(half), answer(shown), truth)
                print(row, flush=True)


def show_many(model: keras.Model, train: mk.data.Records, rest: mk.data.Records, folder: Path) -> None:
    """The same over many random halves: the heads answer once, and limits are drawn from one half for the other."""
    inputs, truth = tensors(model, rest)
    ways = {"Keras": asking(model), "int8": int8(model, folder / "raw", train, None)}
    half, own = len(truth) // 2, np.arange(len(truth))
    low, high = coverage_interval(0.9, half, len(truth) - half)
    print(f"\nCoverage over {DRAWS} random halves of {len(truth)} records, 0.90 promised")
    print(f"{'':44}{'mean':>9}{'in expected':>13}")
    for subset, missing in SUBSETS.items():
        # How badly the right label conforms to each record, see `conformal_scores`.
        scores = {
            name: -np.log(np.maximum(answer(without(inputs, missing))[TASK][own, truth], 1e-30))
            for name, answer in ways.items()
        }
        pairs = {"Keras": ("Keras",) * 2, "int8, fitted again": ("int8",) * 2, "int8, as it is": ("Keras", "int8")}
        for name, (fitted, asked) in pairs.items():
            random = np.random.default_rng(0)
            found = []
            for order in (random.permutation(len(truth)) for _ in range(DRAWS)):
                limit = conformal_quantile(scores[fitted][order[:half]], 0.9)
                found.append(np.mean(scores[asked][order[half:]] <= limit))
            inside = np.mean([low <= share <= high for share in found])
            print(f"{f'{subset}: {name}':44}{np.mean(found):9.4f}{inside:13.3f}", flush=True)


def show_errors(model: keras.Model, half: mk.data.Records, test: mk.data.Records) -> None:
    """How far probabilities and truth lie apart."""
    inputs, truth = tensors(model, test)
    ways = {"before": asking(model)}
    ways |= {scaling: asking(mk.calibrate(model, half, scaling=scaling)) for scaling in ("temperature", "vector")}
    print(f"\nCalibration error\n{'':44}{'accuracy':>9}{'ECE':>9}{'adaptive':>10}{'log-loss':>10}")
    for subset, missing in SUBSETS.items():
        for name, answer in ways.items():
            chances = answer(without(inputs, missing))[TASK]
            right, sure = chances.argmax(axis=1) == truth, chances.max(axis=1)
            loss = -np.log(np.maximum(chances[np.arange(len(truth)), truth], 1e-30)).mean()
            errors = f"{calibration_error(sure, right):9.3f}{adaptive_calibration_error(sure, right):10.3f}"
            print(f"{f'{subset}: {name}':44}{right.mean():9.3f}{errors}{loss:10.3f}")


def show_acceptance(model: keras.Model, half: mk.data.Records, test: mk.data.Records) -> None:
    """Which answers are accepted for a wished precision, and how many of these are right."""
    inputs, truth = tensors(model, test)
    print(f"\nAccepted answers\n{'':44}{'accepted':>9}{'right':>9}")
    for precision in (0.6, 0.7, 0.8):
        answered = asking(mk.calibrate(model, half, precision=precision))(inputs)
        accepted, right = answered[f"{TASK}_accepted"], answered[TASK].argmax(axis=1) == truth
        share = f"{right[accepted].mean():9.3f}" if accepted.any() else f"{'–':>9}"
        print(f"{f'precision {precision} wished; {right.mean():.3f} of all are right':44}{accepted.mean():9.3f}{share}")


def show_unusual(model: keras.Model, half: mk.data.Records, test: mk.data.Records, new: mk.data.Records) -> None:
    """Whether records of another kind score higher: the area under the ROC curve, 0.5 being chance."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (len(test), *SIZE, 3)).astype("uint8")
    familiar = tensors(model, test)[0]
    noise = mk.data.Records.of(
        [{"image": "", "title": "".join(random.choice(list("bcdfghjklmnpqrstvwxz"), 24)), TASK: None} for _ in pixels]
    )
    letters = tensors(model, noise)[0]["title"]
    strange = {
        f"drawings of {NEW}": tensors(model, new)[0],
        "noise as picture": familiar | {"image": pixels},
        "random letters as title": familiar | {"title": letters},
        "both": familiar | {"image": pixels, "title": letters},
    }
    print(f"\nUnusual records\n{'':44}{'AUROC':>9}{'unusual':>9}")
    for method in ("energy", "mahalanobis"):
        answer = asking(mk.calibrate(model, half, ood_score=method))
        usual = answer(familiar)["ood_score"][:, 0]
        print(f"{f'{method}: test records':44}{'':9}{np.mean(usual > 0):9.3f}")
        for name, inputs in strange.items():
            scores = answer(inputs)["ood_score"][:, 0]
            area = roc_auc_score(np.r_[np.zeros(len(usual)), np.ones(len(scores))], np.r_[usual, scores])
            print(f"{f'{method}: {name}':44}{area:9.3f}{np.mean(scores > 0):9.3f}", flush=True)


def main() -> None:
    """Train once, and print all tables."""
    common.seed()
    everything = mk.data.clipart()

    def part(split: str | None, new: bool) -> mk.data.Records:
        rows = everything if split is None else everything.where(split=split)
        kept = [record | ({TASK: None} if new else {}) for record in rows if (record[TASK] == NEW) == new]
        return mk.data.Records.of(kept, folder=everything.folder)

    train, valid, tested = (part(split, new=False) for split in ("train", "valid", "test"))
    rest = mk.data.Records.of([*valid, *tested], folder=everything.folder)
    half, test = rest.split(0.5, 0.5)
    model = trained(train)
    with tempfile.TemporaryDirectory() as folder:
        show_coverage(model, (train, half, test), Path(folder))
        show_many(model, train, rest, Path(folder))
    show_errors(model, half, test)
    show_acceptance(model, half, test)
    show_unusual(model, half, test, part(None, new=True))


if __name__ == "__main__":
    main()
