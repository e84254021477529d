"""Sound: which vowel is in a spoken letter or syllable, in ten languages.

The data are 756 clips of KLettres (Debian's klettres-data, GPL-2+: fetched, not kept here), Ogg files that are converted
when they are read: names of one to four Latin letters with one of a, e, i, o, u among them, of all languages but English,
whose vowels are not written as they are spoken. Of each vowel a fifth is tested on and a fifth chooses the best epoch,
whoever speaks: the speakers of the test are known. In the second table they are not: two languages are left out for the
test and two to choose on.

    python examples/sound_vowels.py
"""

from __future__ import annotations

import re

import common
import fetch
import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import multimodal_keras as mk

RATE, SECONDS, BATCH = 16_000, 1.5, 32
TESTED, CHOSEN_ON = ("it", "uk"), ("ru", "lt")


def syllables() -> list[dict]:
    """`sound` (a path), `vowel` and `language` of each clip."""
    found = []
    for path in sorted((fetch.debian("klettres-data") / "usr/share/klettres").glob("*/*/*.ogg")):
        name, language = path.stem.lower(), path.parts[-3]
        vowels = re.findall("[aeiou]", name)
        if re.fullmatch("[a-z]{1,4}", name) and len(vowels) == 1 and not language.startswith("en"):
            found.append({"sound": str(path), "vowel": vowels[0], "language": language})
    return found


def means(records: mk.data.Records) -> np.ndarray:
    """Mean and deviation of 20 MFCC over time, of the same samples that the model gets."""
    audio = mk.AudioModality(RATE, SECONDS, features="mfcc", normalization=None)
    compute = tf.function(lambda raw: audio(audio.decode(raw)[0]))
    raw, rows = [audio.read(path) for path in records.values("sound")], []
    for start in range(0, len(raw), BATCH):
        frames, masks = (part.numpy() for part in compute(tf.constant(raw[start : start + BATCH])))
        for cepstra, mask in zip(frames, masks, strict=True):
            rows.append(np.concatenate([cepstra[mask].mean(axis=0), cepstra[mask].std(axis=0)]))
    return np.array(rows)


def baselines(train: mk.data.Records, test: mk.data.Records) -> dict[str, list[str]]:
    """The answers of two classifiers on these."""
    known, asked = means(train), means(test)
    ways = {"logistic regression": LogisticRegression(max_iter=3000, C=0.1), "support vectors": SVC(C=10)}
    answers = {}
    for name, way in ways.items():
        model = make_pipeline(StandardScaler(), way).fit(known, list(train.values("vowel")))
        answers[f"{name} on MFCC's means and deviations"] = list(model.predict(asked))
    return answers


def run(title: str, parts: tuple[mk.data.Records, ...]) -> None:
    """One table."""
    common.seed()
    train, _, test = parts
    augmentation = {"snr_db": [15, 40], "shift_seconds": 0.1, "gain_db": 6, "seed": 0}
    masks = {"time_masks": 2, "time_mask_frames": 15, "frequency_masks": 2, "frequency_mask_bands": 6}
    model = mk.build_model(
        {"sound": mk.AudioModality(RATE, SECONDS, augmentation={**augmentation, **masks})},
        {"vowel": mk.ClassificationHead()},
        encoders={"sound": mk.Conv2DEncoder((16, 32, 64, 64), dropout=0.2)},
        adapt_to=train,
    )
    common.show(
        title, model, parts, "vowel", baselines(train, test), epochs=40, patience=10, learning_rate=2e-3, cache="memory"
    )


def main() -> None:
    """Both tables."""
    records = syllables()
    run("Known speakers", mk.data.read(records).split(0.6, 0.2, 0.2, by="vowel"))
    kinds = [TESTED, CHOSEN_ON]
    rest = [record for record in records if record["language"] not in TESTED + CHOSEN_ON]
    test, valid = ([record for record in records if record["language"] in kind] for kind in kinds)
    run("Unknown speakers and languages", tuple(mk.data.read(part) for part in (rest, valid, test)))


if __name__ == "__main__":
    main()
